"""The matrix of docs/SECURITY.md and docs/COMPLIANCE.md, the tool that judges it, and the record of the last run."""

import ast
import json
import re
import subprocess
import sys
from functools import cache

import compliance
import last_run
import pytest

from house.source import FIRMWARE, ROOT

RULE = re.compile(r"(?m)^(?:- |\| )((?:SEC|UK|WP)-\d+)\b")
PATH = re.compile(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`")


def rules():
    """Every rule that docs/RULES.md defines."""
    return set(RULE.findall((ROOT / "docs" / "RULES.md").read_text(encoding="utf-8")))


@cache
def defined(path):
    """The test functions of a file."""
    tree = ast.parse((ROOT / "host_tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")}


def all_named():
    """Every "file::function" that a row names, files as all of their functions."""
    for row in compliance.read_matrix():
        for test in row.tests:
            path, _, function = test.partition("::")
            yield from [test] if function else [f"{path}::{name}" for name in sorted(defined(path))]


@pytest.fixture
def results(tmp_path):
    """Makes a results file in which all passed but what is given; its path."""
    def make(but=None, without=()):
        run = {"when": "2026-01-01T00:00:00+00:00", "revision": "abc"}
        found = {**dict.fromkeys(all_named(), "passed"), **(but or {})}
        for name in without:
            del found[name]
        path = tmp_path / "results"
        path.write_text(json.dumps(last_run.merged({}, found, set(), run)))
        return path
    return make


def rows(capsys, path, *words):
    """{rule: row} that the tool prints, and its exit code."""
    code = compliance.main(["--json", "--results", str(path), *words])
    return {row["rule"]: row for row in json.loads(capsys.readouterr().out)["rows"]}, code


def test_every_rule_has_a_row():
    """SEC-1: and no row is of a rule that does not exist."""
    found = [row.rule for row in compliance.read_matrix()]
    assert len(found) > 85
    assert set(found) == rules()


def test_schedule_1_leaves_nothing_to_the_firmware_uk40():
    """A rule that is not built is the manufacturer's or the seller's, by its own row and by that of UK-40."""
    rows_of = {row.rule: row for row in compliance.read_matrix()}
    others = {f"SEC-{number}" for number in range(1, 28) if rows_of[f"SEC-{number}"].state != "built"}
    assert {rows_of[rule].state for rule in others} == {"hardware", "seller"}
    assert others == set(re.findall(r"SEC-\d+", rows_of["UK-40"].how)) - {"SEC-1", "SEC-27"}


def test_every_named_test_exists():
    """A renamed test must not leave a row that nothing shows."""
    named = [test for row in compliance.read_matrix() for test in row.tests]
    assert len(named) > 150
    for test in named:
        path, _, function = test.partition("::")
        assert (ROOT / "host_tests" / path).is_file(), path
        assert not function or function in defined(path), test


def test_every_named_place_exists():
    """The paths of the firmware in the third column."""
    for row in compliance.read_matrix():
        for path in PATH.findall(row.how):
            base = ROOT if path.startswith("tools/") else FIRMWARE / "charger"
            assert (base / path).exists(), f"{row.rule}: {path}"


def test_built_rows_name_tests_and_open_rows_name_none():
    """A rule that is built names tests, one that is open names none, and each has words."""
    for row in compliance.read_matrix():
        assert row.how, row.rule
        assert row.tests or row.state not in ("built", "part"), row.rule
        assert not row.tests or row.state != "open", row.rule


def test_when_all_passed(capsys, results):
    found, _ = rows(capsys, results())
    assert found["SEC-25"]["verdict"] == "Yes"
    wanted = {"built": "Yes", "part": "Partly", "open": "No", "hardware": "Hardware", "seller": "Seller", "note": "-"}
    assert [row["rule"] for row in found.values() if row["verdict"] != wanted[row["state"]]] == []


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_test_that_did_not_pass_turns_its_rows_to_no(capsys, results, outcome):
    """Every row that names it, by itself or as part of its file, and no other one."""
    for test in ("unit/test_pin.py::test_least_rights", "unit/test_vault.py::test_every_single_bit_counts"):
        before, _ = rows(capsys, results())
        after, code = rows(capsys, results(but={test: outcome}))
        changed = {rule for rule in after if after[rule]["verdict"] != before[rule]["verdict"]}
        file = test.partition("::")[0]
        assert changed == {rule for rule, row in after.items() if {test, file} & set(row["tests"]) and row["state"] != "open"}
        assert changed and code == 1
        assert all(after[rule]["verdict"] == "No" and outcome in after[rule]["reason"] for rule in changed)


def test_a_test_that_was_not_run_shows_nothing(capsys, results):
    after, _ = rows(capsys, results(without=["unit/test_pin.py::test_least_rights"]))
    assert after["SEC-18"]["reason"] == "unit/test_pin.py::test_least_rights was not run"


def test_exit_codes(capsys, results, tmp_path, monkeypatch):
    assert compliance.main(["--results", str(tmp_path / "none")]) == 2
    assert "make test" in capsys.readouterr().err
    for rubbish in ("", "[]", '{"tests": {}}', '{"tests": {"a": 1}, "run": {}}'):
        (tmp_path / "bad").write_text(rubbish)
        assert compliance.main(["--results", str(tmp_path / "bad")]) == 2
    with pytest.raises(SystemExit) as left:
        compliance.main(["--family", "XY"])
    assert left.value.code == 2
    path = results()
    assert compliance.main(["--results", str(path), "--family", "WP"]) == 0
    assert compliance.main(["--results", str(path), "--family", "UK"]) == 0
    worse = results(but={"unit/test_history.py::test_thirteen_months_three_a_day_all_three_views_uk18": "failed"})
    assert compliance.main(["--results", str(worse), "--family", "UK"]) == 1
    capsys.readouterr()
    for line in ("| SEC-1 | built | how |", "| SEC-1 | perhaps | how | x |"):
        monkeypatch.setattr(compliance, "DOCUMENTS", ("SECURITY.md",))
        (tmp_path / "SECURITY.md").write_text(line + "\n")
        with pytest.raises(compliance.Unusable):
            compliance.read_matrix(tmp_path)


def test_as_text_and_as_markdown(capsys, results):
    path = results(but={"unit/test_pin.py::test_least_rights": "failed"})
    compliance.main(["--results", str(path)])
    text = capsys.readouterr().out
    assert re.search(r"(?m)^SEC-18 +No: unit/test_pin.py::test_least_rights failed$", text)
    assert re.search(r"(?m)^SEC-24 +Seller$", text) and "revision abc" in text
    compliance.main(["--results", str(path), "--markdown"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(lines) == 1 + len(rules()) and all(line.count("|") == 5 for line in lines)


def test_results_of_a_junit_file_count_as_well(tmp_path):
    """Of one test on two word sizes the worse one."""
    path = tmp_path / "junit.xml"
    path.write_text("""<testsuites><testsuite timestamp="2026-01-01T00:00:00">
        <testcase classname="host_tests.unit.test_pin" name="test_a[64]"/>
        <testcase classname="host_tests.unit.test_pin" name="test_a[32]"><failure message="x"/></testcase>
        <testcase classname="host_tests.unit.test_pin" name="test_b"><skipped/></testcase>
        <testcase classname="host_tests.unit.test_pin" name="test_c[x]"/></testsuite></testsuites>""")
    outcomes, run = compliance.from_junit(path)
    assert outcomes == {"unit/test_pin.py::test_a": "failed", "unit/test_pin.py::test_b": "skipped",
                        "unit/test_pin.py::test_c": "passed"}
    assert run["when"].startswith("2026")
    path.write_text("<no")
    with pytest.raises(compliance.Unusable):
        compliance.from_junit(path)


def test_a_run_is_kept_and_a_part_of_one_adds_to_it(tmp_path):
    """A real run of pytest with the hooks: passed, failed, an error before the test, and a file that no longer reads."""
    (tmp_path / "conftest.py").write_text(
        "from last_run import pytest_collectreport, pytest_runtest_logreport, pytest_sessionfinish\n")
    (tmp_path / "test_a.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', [0, 1])\ndef test_both(n):\n    assert n == 0\n"
        "def test_good():\n    pass\n@pytest.fixture\ndef broken():\n    raise OSError\ndef test_error(broken):\n    pass\n")
    (tmp_path / "test_b.py").write_text("def test_other():\n    pass\n")

    def run(*words):
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), "-c", "/dev/null", *words]
        subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "host_tests"), "PATH": "/usr/bin:/bin"},
                       capture_output=True, timeout=60, check=False)
        outcomes, _ = compliance.from_cache(tmp_path / ".pytest_cache" / "v" / "pilotlight" / "last_run")
        return outcomes

    whole = {"test_a.py::test_both": "failed", "test_a.py::test_good": "passed", "test_a.py::test_error": "failed",
             "test_b.py::test_other": "passed"}
    assert run() == whole
    (tmp_path / "test_a.py").write_text("def test_good():\n    assert False\n")
    assert run("test_a.py") == {**whole, "test_a.py::test_good": "failed"}
    (tmp_path / "test_a.py").write_text("def test_good(:\n")
    assert run("test_a.py") == {"test_b.py::test_other": "passed"}
