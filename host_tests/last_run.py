"""Keeps how each test ended, over partial runs too, in the cache of pytest: tools/compliance.py reads it."""

import subprocess
from datetime import UTC, datetime

KEY = "pilotlight/last_run"
_WORST = ("failed", "skipped", "passed")
_outcomes = {}  # "file::function": the worst of all its words and parameters in this run
_broken = set()  # files that could not be read: nothing that they once showed counts any more


def _name(nodeid):
    return nodeid.removeprefix("host_tests/").split("[")[0]


def pytest_runtest_logreport(report):
    """A test's set-up, itself, its end: the worst of the three counts."""
    name = _name(report.nodeid)
    known = _outcomes.get(name, "passed")
    _outcomes[name] = min(known, report.outcome, key=_WORST.index)


def pytest_collectreport(report):
    """A file that cannot be collected."""
    if report.failed:
        _broken.add(_name(report.nodeid))


def merged(kept, outcomes, broken, run):
    """The results kept so far with those of this run; plain data."""
    tests = {name: entry for name, entry in kept.get("tests", {}).items() if name.partition("::")[0] not in broken}
    tests.update({name: {"outcome": outcome, **run} for name, outcome in outcomes.items()})
    return {"run": run, "tests": tests}


def _revision(root):
    try:
        done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=root, capture_output=True,
                              text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def pytest_sessionfinish(session):
    """Write it, in the process that has seen all tests."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly or not hasattr(config, "cache") \
            or not (_outcomes or _broken):
        return
    run = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "revision": _revision(config.rootpath)}
    config.cache.set(KEY, merged(config.cache.get(KEY, None) or {}, _outcomes, _broken, run))
