"""Unit tests on the bare-metal target: 32-bit words, single-precision floats, C types, a heap of its own.

A fast part runs each time; `make target` runs every unit test but those in units.LACKING.
"""

import pytest
from target.units import UnitFile
from target_units import ALL, FAST, LACKING, UNIT

from mpy.plugin import read


def _cases() -> list:
    """(file, test) of what runs; all tests of a file go to one process."""
    cases = []
    for path in sorted(UNIT.glob("test_*.py")):
        if not ALL and path.stem not in FAST:
            continue
        for name, _ in read(path)[1]:
            if path.stem not in LACKING and f"{path.stem}.{name}" not in LACKING:
                cases.append(pytest.param(path, name, id=f"{path.stem}.{name}", marks=pytest.mark.xdist_group(path.stem)))
    return cases


class _Running:
    """The target that serves the file in work."""

    def __init__(self) -> None:
        self.file: UnitFile | None = None

    def of(self, path) -> UnitFile:
        """That of this file; the one before ends."""
        if self.file is None or self.file.path != path:
            self.close()
            self.file = UnitFile(path)
        return self.file

    def close(self) -> None:
        """End it."""
        if self.file is not None:
            self.file.close()
            self.file = None


@pytest.fixture(scope="module")
def running():
    """One target at a time."""
    targets = _Running()
    yield targets
    targets.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("path", "name"), _cases())
def test_unit_test_passes_on_bare_metal(running, path, name):
    """The same function that the unix port runs."""
    result = running.of(path).run(name)
    assert result.outcome == "passed", result.text + result.output


def test_every_exception_names_a_test_that_exists():
    """A name in the list of what the target lacks is a file, or a test of it."""
    known = {path.stem: {name for name, _ in read(path)[1]} for path in UNIT.glob("test_*.py")}
    for entry in LACKING:
        stem, _, name = entry.partition(".")
        assert stem in known and (not name or name in known[stem]), entry
