"""docs/FIELD_CASES.md against the tests: each named test exists, and each case that a test cites has a row."""

import re

from house.source import ROOT

TEXT = (ROOT / "docs" / "FIELD_CASES.md").read_text(encoding="utf-8")
ROWS = {
    cells[1].strip(): cells[4]
    for cells in (line.split("|") for line in TEXT.splitlines())
    if len(cells) > 4 and cells[1].startswith(" F-")
}
TESTS = [path for path in (ROOT / "host_tests").rglob("test_*.py") if path.name != "test_field_cases.py"]


def test_every_case_has_one_row():
    """The cases of each group are numbered without gaps."""
    wanted = {f"F-{group}{number}" for group, count in (("O", 26), ("E", 21), ("S", 17)) for number in range(1, count + 1)}
    assert set(ROWS) == wanted
    assert TEXT.count("\n| F-") == len(wanted)


def test_every_test_that_a_row_names_exists():
    """A row names FILE::TEST below host_tests, or says that the case is open."""
    for case, cell in ROWS.items():
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        assert named or cell.strip() == "open", case
        for file, test in named:
            assert re.search(rf"def {test}\b", (ROOT / "host_tests" / file).read_text(encoding="utf-8")), (case, file, test)


def test_every_case_of_an_attacker_has_a_test_named_after_it():
    """test_f_s1_... to test_f_s17_..., so that the case is found by the test that fails."""
    named = {int(number) for path in TESTS for number in re.findall(r"def test_f_s(\d+)_", path.read_text(encoding="utf-8"))}
    assert named == set(range(1, 18))


def test_a_case_that_a_test_is_named_after_is_not_open():
    """A test called test_f_o1_... belongs into the row of F-O1."""
    for path in TESTS:
        for group, number in re.findall(r"def test_f_([oes])(\d+)_", path.read_text(encoding="utf-8")):
            case = f"F-{group.upper()}{number}"
            assert "open" != ROWS[case].strip(), f"{case}: {path.name} has a test named after it"
