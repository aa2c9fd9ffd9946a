"""The collector of the MicroPython tests itself: a failing test must fail, whatever way it fails."""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from house.source import ROOT
from mpy.interpreter import Interpreter

CONFTEST = """
from mpy.plugin import (
    pytest_configure, pytest_pycollect_makemodule, pytest_runtest_teardown, pytest_unconfigure,
)
"""

FAULTY = '''
TIMEOUT = 2
WORDS = (64,)
import sys
import check

started = []

def setup():
    started.append(1)

def test_good():
    print("printed by good")
    check.equal(len(started), 1)

def test_bad():
    print("printed by bad")
    check.equal(1 + 1, 3, "sum")

def test_hangs():
    while True:
        pass

def test_after_hang_has_a_new_interpreter():
    check.equal(len(started), 1)

def test_crashes():
    import os
    os.system("kill -SEGV $PPID")

def test_after_crash():
    pass

def test_exits():
    sys.exit(0)

async def test_async_good():
    import asyncio
    await asyncio.sleep(0)

async def test_async_bad():
    import asyncio
    await asyncio.sleep(0)
    raise ValueError("from a coroutine")

def test_allocates():
    check.no_alloc(lambda: [1, 2])

def test_does_not_allocate():
    check.equal(check.no_alloc(abs, -3), 3)

def test_wrong_exception():
    check.raises(KeyError, abs, 1)

def test_right_exception():
    check.equal(check.raises(KeyError, {}.__getitem__, "x").args[0], "x")

def test_skipped():
    raise check.Skip("no such chip")

def helper_test_not_a_test():
    raise ValueError
'''

OUTCOMES = {
    "test_good[64]": "passed",
    "test_bad[64]": "AssertionError: sum: got 2, wanted 3",
    "test_hangs[64]": "still running after 2 s, killed",
    "test_after_hang_has_a_new_interpreter[64]": "passed",
    "test_crashes[64]": "the interpreter ended during this test",
    "test_after_crash[64]": "passed",
    "test_exits[64]": "SystemExit: 0",
    "test_async_good[64]": "passed",
    "test_async_bad[64]": "ValueError: from a coroutine",
    "test_allocates[64]": "AssertionError: allocates:",
    "test_does_not_allocate[64]": "passed",
    "test_wrong_exception[64]": "did not raise KeyError, it returned 1",
    "test_right_exception[64]": "passed",
    "test_skipped[64]": "skipped: no such chip",
}


# Other plugins would only make these runs slower.
ENVIRONMENT = {"PYTHONPATH": f"{ROOT / 'host_tests'}:{ROOT / 'tools'}", "PYTEST_ADDOPTS": "",
               "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class Inner:
    """A pytest run of its own, in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "unit").mkdir()
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pytest.ini").write_text("[pytest]\n")

    def write(self, name: str, text: str) -> None:
        """Put a test file where MicroPython's tests live."""
        (self.folder / "unit" / name).write_text(text)

    def run(self, *arguments: str) -> tuple[dict[str, str], str]:
        """Outcome by test name (a failure's text, 'passed', or 'skipped: why'), and the whole output."""
        report = self.folder / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--import-mode=importlib",
             f"--junitxml={report}", "-c", str(self.folder / "pytest.ini"), *arguments],
            cwd=self.folder, env={**os.environ, **ENVIRONMENT},
            capture_output=True, text=True, timeout=400, check=False,
        )
        outcomes = {}
        for case in ElementTree.parse(report).iter("testcase"):
            outcomes[case.get("name")] = "passed"
            for kind in ("failure", "error"):
                if (found := case.find(kind)) is not None:
                    outcomes[case.get("name")] = f"{found.get('message')}\n{found.text}"
            if (found := case.find("skipped")) is not None:
                outcomes[case.get("name")] = f"skipped: {found.get('message')}"
        return outcomes, done.stdout + done.stderr


@pytest.fixture
def inner(tmp_path):
    """A folder with our conftest in it."""
    return Inner(tmp_path)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """One run over the file with every kind of failure."""
    run = Inner(tmp_path_factory.mktemp("faulty"))
    run.write("test_faulty.py", FAULTY)
    return run.run()


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(faulty, name):
    """Each way to pass or fail is reported on the test that did it, in words."""
    outcomes, output = faulty
    assert OUTCOMES[name] in outcomes[name], output
    if OUTCOMES[name] == "passed":
        assert outcomes[name] == "passed"


def test_no_test_is_made_up_or_lost(faulty):
    """Exactly the file's tests are there."""
    assert set(faulty[0]) == set(OUTCOMES)


def test_traceback_is_micropythons(faulty):
    """The traceback names the test's line, not this plugin's or the runner's."""
    text = faulty[0]["test_bad[64]"]
    assert re.search(r'test_faulty\.py", line 18, in test_bad', text), text
    assert "runner.py" not in text
    assert "plugin.py" not in text


SAYS = """
WORDS = (64,)
import frames

def test_says_what_is_right():
    frames.note(2, "Heartbeat", {})
    frames.note(3, "Reset", {"status": "Accepted"})

def test_says_what_is_wrong():
    frames.note(2, "Heartbeat", {"extra": 1})

def test_answers_what_is_wrong():
    frames.note(3, "Reset", {"status": "Perhaps"})

def test_says_nothing():
    pass
"""


def test_message_that_breaks_a_schema_fails_its_test(inner):
    """A message that breaks a schema fails the test that caused it, by both validators, and no other test."""
    inner.write("test_says.py", SAYS)
    outcomes, output = inner.run()
    assert [name for name, outcome in outcomes.items() if outcome == "passed"] == [
        "test_says_what_is_right[64]", "test_says_nothing[64]"], output
    for name, word in (("test_says_what_is_wrong[64]", "Heartbeat"), ("test_answers_what_is_wrong[64]", "Perhaps")):
        assert "ocpp-rpc's schema" in outcomes[name] and word in outcomes[name] and outcomes[name].count("breaks") >= 3


def test_hang_shows_where(faulty):
    """A hanging test's traceback points at the loop."""
    assert re.search(r'test_faulty\.py", line 2\d, in test_hangs', faulty[0]["test_hangs[64]"])


@pytest.mark.parametrize(("waits_for_a_core", "outcome"), [(False, "hung"), (True, "passed")])
def test_time_in_which_a_test_waits_for_a_core_does_not_count(tmp_path, monkeypatch, waits_for_a_core, outcome):
    """On a busy machine a test that computes for a minute takes ten."""
    (tmp_path / "test_slow.py").write_text("import time\ndef test_slow():\n    time.sleep_ms(1500)\n")
    interpreter = Interpreter(tmp_path / "test_slow.py", 64, None, tmp_path)
    begin = time.monotonic()
    if waits_for_a_core:
        monkeypatch.setattr(Interpreter, "_starved_s", lambda self: time.monotonic() - begin)
    assert interpreter.run("test_slow", 0.3).outcome == outcome
    interpreter.close()


def test_output_belongs_to_its_test(faulty):
    """The output of a failed test is shown with it."""
    output = faulty[1]
    assert "printed by bad" in output
    assert "printed by good" not in output


def test_the_boards_word_size_by_default_and_both_in_a_soak_run_or_where_a_file_says_so(inner, monkeypatch):
    """The one has really 32 bits, the other 64."""
    test = "import sys\ndef test_w():\n    print('max', sys.maxsize)\n    assert False\n"
    both = {"test_w[64]", "test_w[32]"}
    for soak, head, ids in (("0", "", {"test_w[32]"}), ("1", "", both), ("0", "WORDS = (64, 32)\n", both)):
        monkeypatch.setenv("PILOTLIGHT_SOAK", soak)
        inner.write("test_w.py", head + test)
        outcomes, output = inner.run()
        assert set(outcomes) == ids
    assert {"max 2147483647", "max 9223372036854775807"} <= set(output.splitlines())


def test_one_interpreter_for_a_file(inner):
    """The tests of a file share one start, so module state stays; two word sizes do not share it."""
    append = "    n.append(1)\n"
    inner.write("test_s.py", f"n = []\ndef test_a():\n{append}def test_b():\n{append}    assert len(n) == 2\n")
    outcomes, output = inner.run()
    assert set(outcomes.values()) == {"passed"}, output


def test_heap_is_obeyed(inner):
    """HEAP limits what a test can allocate."""
    inner.write("test_h.py", "WORDS = (32,)\nHEAP = 128 * 1024\ndef test_h():\n    bytearray(200000)\n")
    outcomes, _ = inner.run()
    assert "MemoryError" in outcomes["test_h[32]"]


def test_broken_file_fails_its_tests(inner):
    """A file that does not import fails each of its tests with the reason."""
    inner.write("test_i.py", "WORDS = (64,)\nimport no_such_module\ndef test_i():\n    pass\n")
    outcomes, _ = inner.run()
    assert "test_i.py does not import: ImportError" in outcomes["test_i[64]"]


def test_syntax_error_is_an_error(inner):
    """A file that cannot be read makes the run fail, it does not vanish."""
    inner.write("test_x.py", "def test_x(:\n")
    _, output = inner.run()
    assert "test_x.py cannot be read" in output


def test_the_same_name_twice_is_an_error(inner):
    """The first of two equal names would never run."""
    inner.write("test_t.py", "def test_t():\n    assert False\ndef test_t():\n    pass\n")
    _, output = inner.run()
    assert "defines test_t twice" in output


def test_node_ids_and_keywords_select(inner):
    """A test can be named, with its word size, and be found with -k and -m."""
    inner.write("test_n.py", "WORDS = (64, 32)\ndef test_one():\n    pass\ndef test_two():\n    pass\n")
    assert set(inner.run("unit/test_n.py::test_two[32]")[0]) == {"test_two[32]"}
    assert set(inner.run("-k", "one")[0]) == {"test_one[64]", "test_one[32]"}
    assert set(inner.run("-m", "word64")[0]) == {"test_one[64]", "test_two[64]"}


def test_two_workers_run_it_too(inner):
    """Under xdist nothing is lost or doubled, and a failure is still a failure."""
    for name in ("a", "b", "c"):
        test = f"def test_{name}1():\n    pass\ndef test_{name}2():\n    assert False\n"
        inner.write(f"test_{name}.py", "WORDS = (64, 32)\n" + test)
    outcomes, output = inner.run("-p", "xdist", "-n", "2", "--dist", "loadfile")
    assert len(outcomes) == 12, output
    assert sorted(name for name, text in outcomes.items() if text == "passed") == sorted(
        f"test_{name}1[{word}]" for name in "abc" for word in (64, 32)
    )


def test_cpython_never_imports_the_file(inner):
    """The file may hold what only MicroPython understands."""
    inner.write("test_m.py", "import micropython\nimport uctypes\ndef test_m():\n    micropython.mem_info\n")
    outcomes, output = inner.run()
    assert set(outcomes.values()) == {"passed"}, output
