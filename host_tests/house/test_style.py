"""Lint, types, and what no file of the repository may hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import ROOT, tracked

BIN = Path(sys.executable).parent
BINARY = {".png", ".jpg", ".ico", ".gz", ".bin", ".mpy", ".der"}
# A path of somebody's own machine, or a package index other than the public one by its name in the lock.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:root|home/\w+|work|Users/\w+)/\w|/opt/\w*(?:pypi|wheels)|file://(?!\{)/"
    r"|pythonhosted\.org|(?:extra-)?index-url\s*[= ]\s*\S|--find-links"
)
CONFLICT = re.compile(r"^(?:<{7}|>{7}) ")


def run(*command):
    """Run a tool on the checkout; its output is the failure's text."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{Path(command[0]).name}:\n{done.stdout}{done.stderr}"


def test_ruff():
    """Style, as pyproject.toml sets it."""
    run(str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", ".")


def test_types():
    """firmware/ against MicroPython's stubs for the ESP32."""
    run(str(BIN / "pyright"))


def lines_with(pattern):
    """Each line of a tracked file, but this one, in which the pattern is found, with its place."""
    found = []
    for path in tracked():
        if path.suffix not in BINARY and path != Path(__file__):
            lines = path.read_text(encoding="utf-8").splitlines()
            numbered = [(n, line.strip()) for n, line in enumerate(lines, 1) if pattern.search(line)]
            found += [f"{path.relative_to(ROOT)}:{n}: {line}" for n, line in numbered]
    return found


def test_no_private_places():
    """No tracked file names a place that exists only on one machine."""
    assert lines_with(PRIVATE) == []


def test_no_file_has_the_marks_of_an_unresolved_merge():
    assert lines_with(CONFLICT) == []


@pytest.mark.parametrize(
    "text",
    ["cd /" + "root/x", "/" + "work/main", "--extra-index-url https://a/b", "see /home/jo/x", "file:///x", "/opt/pypi/simple"],
)
def test_private_places_are_found(text):
    """The check above sees what it is there for."""
    assert PRIVATE.search(text)


@pytest.mark.parametrize("text", ["https://example.org/home/a", "tests/home/a", "print(x / root / y)", "/" + "root"])
def test_public_places_pass(text):
    """And only that."""
    assert not PRIVATE.search(text)
