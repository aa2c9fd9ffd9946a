"""Every Python file that a document, a comment or a docstring names is there: a renamed module leaves no wrong signpost."""

import re
from pathlib import Path

import pytest

from house.source import ROOT, tracked
from house.test_names import code, prose

PATH = re.compile(r"(?<![\w/.<*-])(?:[\w-]+/)*[\w-]+\.(?:py|S)(?![\w/])")
# Programs of others, what a build writes, and what a reader writes himself.
ELSEWHERE = {"idf.py", "esptool.py", "espefuse.py", "espsecure.py", "page_assets.py"}


def unknown(text: str, files: set) -> list:
    """Paths in a text that are neither a file of the project nor the end of one's path."""
    return [
        path for path in PATH.findall(text)
        if path.split("/")[-1] not in ELSEWHERE and not any(name == path or name.endswith("/" + path) for name in files)
    ]


def project() -> set:
    """Every file under version control, from the root."""
    return {path.relative_to(ROOT).as_posix() for path in tracked()}


def test_files_that_documents_name_exist():
    """CHANGELOG.md tells the past and is left out."""
    files = project()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {name}"
        for path in tracked() if path.suffix == ".md" and path.name != "CHANGELOG.md"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for name in unknown(line, files)
    ]
    assert not found, "\n".join(found)


def test_files_that_comments_and_docstrings_name_exist():
    """A signpost in the code points to a module that is there."""
    files = project()
    found = [f"{path}:{line}: {name}" for path, source in code() for text, line in prose(source) for name in unknown(text, files)]
    assert not found, "\n".join(found)


def test_nothing_cites_a_document_that_is_gone():
    """A document DESIGN was the plan before there was code; ARCHITECTURE.md has taken its place."""
    gone = re.compile(r"\bDESIGN\b(?!_)")
    found = [f"{path.relative_to(ROOT)}:{number}"
             for path in tracked() if path.suffix in (".md", ".py", ".yaml", ".toml", ".c", ".h", ".S", ".js", ".jsx", "")
             and path != Path(__file__)
             for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
             if gone.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("text", "names"), [
    ("see `outlet/guards.py`.", ["outlet/guards.py"]),
    ("see store/journal.py, and journal.py", []),
    ("`idf.py flash` and boards/<BOARD>/board.py", []),
])
def test_a_path_that_leads_nowhere_is_found(text, names):
    """The end of a path is enough, and programs of others are no files of the project."""
    assert unknown(text, {"firmware/charger/store/journal.py", "firmware/charger/outlet/guards/base.py"}) == names
