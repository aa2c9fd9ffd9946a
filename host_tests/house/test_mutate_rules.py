"""tools/mutate_rules.py: what it removes, what it says of a row whose tests cannot fail, and one row for real."""

import mutate_rules
import pytest

from house.bad_input import complaint

LIMIT = '''"""A limit."""


def clamp(value):
    """At most 32."""
    if value > 32:
        return 32
    return value
'''
TEST = '''import runpy
from pathlib import Path

clamp = runpy.run_path(str(Path(__file__).resolve().parents[2] / "firmware" / "charger" / "limit.py"))["clamp"]


def test_lower():
    assert clamp(16) == 16


def test_higher():
    %s
'''
ROW = "| SEC-1 | built | never above it; `limit.py` | house/test_limit.py |\n"


@pytest.fixture
def checkout(tmp_path):
    """Makes a checkout with one rule, whose second test is this statement; its path."""
    def make(statement):
        root = tmp_path / "checkout"
        for name, text in (("docs/SECURITY.md", ROW), ("docs/COMPLIANCE.md", ""), ("firmware/charger/limit.py", LIMIT),
                           ("host_tests/house/test_limit.py", TEST % statement)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return root
    return make


def test_a_test_that_cannot_fail_is_told(checkout, capsys):
    root = checkout("clamp(99)")
    assert mutate_rules.main([], root) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["SEC-1   2 tried, 1 noticed", "        limit.py:6: no test fails without: if value > 32:"]
    assert (root / "firmware" / "charger" / "limit.py").read_text(encoding="utf-8") == LIMIT


def test_tests_that_notice_everything(checkout, capsys):
    assert mutate_rules.main(["--row", "SEC-1"], checkout("assert clamp(99) == 32")) == 0
    assert capsys.readouterr().out == "SEC-1   2 tried, 2 noticed\n"


def test_tests_that_fail_anyway_show_nothing(checkout, capsys):
    assert mutate_rules.main([], checkout("assert clamp(99) == 99")) == 2
    assert capsys.readouterr().err == "mutate_rules: SEC-1: house/test_limit.py::test_higher fails without a change\n"


def test_tests_that_do_not_run_show_nothing(checkout, capsys):
    assert mutate_rules.main([], checkout("else:")) == 2
    assert "pytest ended with 2" in capsys.readouterr().err


def test_the_list(checkout, capsys):
    assert mutate_rules.main(["--list"], checkout("clamp(99)")) == 0
    assert capsys.readouterr().out == "SEC-1      2 of limit.py\n"


@pytest.mark.parametrize("words", [["--row", "SEC-24"], ["--row", "UK-10"], ["--row"], ["--most", "0"], ["--most", "x"],
                                   ["--jobs", "-1"], ["--job", "1"], ["more"]])
def test_bad_input_is_one_sentence(words, capsys):
    assert complaint(mutate_rules.main, words, capsys).startswith("mutate_rules: ")


def test_what_can_be_removed():
    """Not what only logs, waits or stands on a line with another statement; an `if` with one statement counts once."""
    source = '''
LIMIT = 1
class A:
    size = 2
    def __init__(self):
        """Text."""
        self.a = 1
        log.info("a", "b")
        if self.a: return
        if self.b:
            log.info("c", "d")
        if self.a:
            self.b = (1,
                      2)
            self.c = 3
        elif self.b:
            raise ValueError
        for one in self.b:
            if one:
                continue
            one(); self.d = 4
        try:
            del self.a
        except KeyError:
            self.e = 5
        finally:
            self.f = 6
async def b():
    yield
    await clock.sleep_ms(5)
    await stop()
'''
    found = [(one.first, one.last, one.text) for one in mutate_rules.statements(source)]
    assert found == [
        (7, 7, "self.a = 1"), (9, 9, "if self.a: return"), (13, 14, "self.b = (1,"), (15, 15, "self.c = 3"),
        (16, 17, "elif self.b:"), (19, 20, "if one:"), (23, 23, "del self.a"), (25, 25, "self.e = 5"), (27, 27, "self.f = 6"),
        (31, 31, "await stop()"),
    ]


def test_removals_still_compile():
    """Of a hundred statements of all code that the rows name."""
    code = mutate_rules.code_of(mutate_rules.compliance.read_matrix(), mutate_rules.ROOT)
    for one in mutate_rules.lines_of(sorted({file for files in code.values() for file in files}), mutate_rules.ROOT, 100):
        text = (mutate_rules.ROOT / mutate_rules.CODE / one.file).read_text(encoding="utf-8")
        compile(mutate_rules.removed(text, one), f"{one.file}:{one.first}", "exec")


def test_a_row_for_real(capsys):
    """A role's rights are lost without the statement."""
    assert mutate_rules.main(["--row", "SEC-18", "--most", "1"]) == 0
    assert capsys.readouterr().out == "SEC-18  1 tried, 1 noticed\n"
