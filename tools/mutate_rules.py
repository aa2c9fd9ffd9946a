#!/usr/bin/env python3
"""Removes one statement after the other from the code that a rule's row names, and shows that a test of that row fails.

The rows are those of the SEC and WP rules (tools/compliance.py reads them). "as above" in a row is the code of the row before.
A statement of a function, or an `if` without `else` together with its body, is replaced by `pass` in a copy of the checkout,
never in the checkout itself; then the row's tests run in the copy: unit tests of one word size first, the whole charger last, up
to the first that fails. What only logs, waits or frees memory is left alone. Only a test that fails counts.

Exit code 0: a test failed for each removed statement, 1: the printed ones were not noticed, 2: the command line, a table, or
tests that do not run or fail without a change.
"""

import argparse
import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import compliance
from cli import exit_with, failed
from mutate import BrokenRun

ROOT = Path(__file__).resolve().parents[1]
CODE = Path("firmware", "charger")
FAMILIES = ("SEC", "WP")
LONGEST_S = 1800  # one run of a row's tests
_NOT_COPIED = (".git", ".venv", ".toolchain", "typings", "build", "node_modules", "__pycache__", ".pytest_cache", ".ruff_cache")
_LINKED = (".venv", ".toolchain")
_BUILT = ("build/compiled", "build/frozen")  # brought up to date in the copy, each for itself
_PLACE = re.compile(r"`([a-z_0-9]+(?:/[a-z_0-9]+)*(?:\.py|/))`")
_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Delete, ast.Break, ast.Continue)
_HARMLESS = ("log.", "gc.", "memory.", "clock.sleep", "asyncio.sleep")  # calls
_FAILED = re.compile(r"(?m)^(?:FAILED|ERROR) host_tests/(\S+)")
_NO_COMMIT = {"SOURCE_DATE_EPOCH": "1767225600"}  # a copy has no history, which tools/release.py asks for the time
_FAST = ("unit", "crypto", "house", "outlet", "charging")


@dataclass(frozen=True)
class Statement:
    """A statement that is replaced by `pass`: lines `first` to `last` of a file below firmware/charger."""

    file: str
    first: int
    last: int
    text: str


def statements(source, file=""):
    """The statements of all functions of a source that can be removed."""
    lines = source.splitlines()
    found = []

    def take(node, body_of):
        before = lines[node.lineno - 1][: node.col_offset]
        if before.strip() or any(node.lineno <= other.lineno <= node.end_lineno and other is not node for other in body_of):
            return  # another statement stands on the same line
        found.append(Statement(file, node.lineno, node.end_lineno, lines[node.lineno - 1].strip()))

    def walk(body, inside):
        guard = None
        for node in body:
            if isinstance(node, ast.If) and not node.orelse and inside:
                if not all(_is_harmless(one) for one in node.body):
                    take(node, body)
                guard = node
            elif isinstance(node, _SIMPLE) and inside and not _is_harmless(node):
                take(node, body)
            for part in ("body", "orelse", "finalbody"):
                inner = getattr(node, part, [])
                if node is guard and len(inner) == 1 and isinstance(inner[0], _SIMPLE):
                    continue  # the same as without the guard
                walk(inner, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
            for handler in getattr(node, "handlers", []):
                walk(handler.body, inside)

    walk(ast.parse(source).body, False)
    return sorted(found, key=lambda one: one.first)


def removed(source, statement):
    """The source without the statement; no line moves."""
    lines = source.splitlines(keepends=True)
    first = lines[statement.first - 1]
    gone = [first[: len(first) - len(first.lstrip())] + "pass\n"] + ["\n"] * (statement.last - statement.first)
    return "".join(lines[: statement.first - 1] + gone + lines[statement.last :])


def _is_harmless(node):
    """True for a docstring, a log line, a wait and the like."""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value.value if isinstance(node.value, ast.Await) else node.value
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).startswith(_HARMLESS)
    return value is None or isinstance(value, ast.Constant | ast.Yield)


def code_of(rows, root):
    """{rule: files below firmware/charger that its row names} of rows in their order."""
    found, before = {}, []
    for row in rows:
        places = [place for place in _PLACE.findall(row.how) if (root / CODE / place).exists()]
        if row.how.startswith("as above"):
            places = before + places
        before = found[row.rule] = places
    return {rule: _files(places, root) for rule, places in found.items()}


def _files(places, root):
    files = []
    for place in places:
        path = root / CODE / place
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return list(dict.fromkeys(str(file.relative_to(root / CODE)) for file in files))


def lines_of(files, root, most=None):
    """The statements of some files; `most` of them, evenly spread."""
    found = [one for file in files for one in statements((root / CODE / file).read_text(encoding="utf-8"), file)]
    if most is None or most >= len(found):
        return found
    return [found[at * len(found) // most] for at in range(most)]


class Copy:
    """A copy of the checkout in which statements are removed and tests run."""

    def __init__(self, root, folder):
        self.folder = folder
        self.process = None
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True)
        for name in _BUILT:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name)
        for name in _LINKED:
            if (root / name).exists():
                (folder / name).symlink_to((root / name).resolve())

    @contextmanager
    def without(self, statement):
        """The copy lacks the statement meanwhile."""
        path = self.folder / CODE / statement.file
        text, stat = path.read_text(encoding="utf-8"), path.stat()
        path.write_text(removed(text, statement), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def failure(self, tests, words):
        """The first of the tests that fails; "" when all pass or none is chosen. BrokenRun."""
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words]
        self.process = process = subprocess.Popen(
            [*command, *[f"host_tests/{test}" for test in tests]], cwd=self.folder, env={**_NO_COMMIT, **os.environ},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            raise BrokenRun(f"the tests took more than {LONGEST_S} s") from None
        finally:
            self.stop()
        if process.returncode not in (0, 1, 5):
            raise BrokenRun(f"pytest ended with {process.returncode}: {' '.join(output.split())[-300:]}")
        return (_FAILED.findall(output) or ["a test"])[0] if process.returncode == 1 else ""

    def stop(self):
        """End a run with all that it has started."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def stages(tests):
    """(tests, words for pytest), the quick ones first."""
    kinds = {kind: [test for test in tests if (test.split("/")[0] in _FAST) is kind] for kind in (True, False)}
    unit = [test for test in kinds[True] if test.startswith("unit/")]
    found = [(kinds[True], ("-m", "not word32")), (unit, ("-m", "word32")), (kinds[False], ())]
    return [stage for stage in found if stage[0]]


def check_unchanged(copy, rule, stage, passed):
    """BrokenRun when the stage's tests fail without a change; `passed` holds those that are known to pass."""
    key = (tuple(stage[0]), stage[1])
    if key not in passed:
        failure = copy.failure(*stage)
        if failure:
            raise BrokenRun(f"{rule}: {failure} fails without a change")
        passed.add(key)


@contextmanager
def prepared(root, jobs):
    """A queue of copies and a pool of threads to use them; none runs on after an error or Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        every = [Copy(root, Path(folder) / str(number)) for number in range(jobs)]
        copies = SimpleQueue()
        for copy in every:
            copies.put(copy)
        try:
            yield copies, pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for copy in every:
                copy.stop()
            raise


def is_noticed(copies, rule, tests, statement, passed, known):
    """True when a test of the row fails without the statement; `known` holds what other rows have shown of it."""
    if any(known.get((statement, test)) for test in tests):
        return True
    copy = copies.get()
    try:
        for stage, words in stages([test for test in tests if (statement, test) not in known]):
            check_unchanged(copy, rule, (stage, words), passed)
            with copy.without(statement):
                failure = copy.failure(stage, words)
            if failure:
                hit = [test for test in stage if failure == test or failure.startswith((f"{test}::", f"{test}["))]
                known.update({(statement, test): True for test in hit})
                return True
        known.update({(statement, test): False for test in tests})
        return False
    finally:
        copies.put(copy)


def try_rows(rows, code, root, most, jobs):
    """Print a line a row, and those that nothing notices; the number of these. BrokenRun."""
    survived = 0
    with prepared(root, jobs) as (copies, pool):
        passed, known = set(), {}
        for row in rows:
            chosen = lines_of(code[row.rule], root, most)
            results = pool.map(lambda one, row=row: is_noticed(copies, row.rule, row.tests, one, passed, known), chosen)
            left = [one for one, noticed in zip(chosen, results, strict=True) if not noticed]
            print(f"{row.rule:<7} {len(chosen)} tried, {len(chosen) - len(left)} noticed", flush=True)
            for one in left:
                print(f"        {one.file}:{one.first}: no test fails without: {one.text}", flush=True)
            survived += len(left)
    return survived


def chosen_rows(wanted, code, matrix):
    """The rows that name code and tests, or those of `wanted`; ValueError for one that does not."""
    usable = [row for row in matrix if row.rule.split("-")[0] in FAMILIES and code[row.rule] and row.tests]
    for rule in wanted or ():
        if rule not in [row.rule for row in usable]:
            raise ValueError(f"{rule} is no SEC or WP row that names code and tests")
    return [row for row in usable if not wanted or row.rule in wanted]


def _count(text):
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return int(text)


def main(words=None, root=ROOT):
    """Exit code."""
    parser = argparse.ArgumentParser(
        prog="mutate_rules", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--row", action="append", metavar="RULE", help="only this rule; may be given again")
    parser.add_argument("--most", type=_count, metavar="N", help="at most N statements a row, evenly spread")
    parser.add_argument("--list", action="store_true", help="print rows, files and numbers of statements, run nothing")
    parser.add_argument("--jobs", type=_count, default=1, metavar="N", help="runs at the same time (1)")
    parser.error = lambda message: sys.exit(failed("mutate_rules", message, 2))
    given = parser.parse_args(words)
    try:
        matrix = compliance.read_matrix(root)
        code = code_of(matrix, root)
        rows = chosen_rows(given.row, code, matrix)
        if given.list:
            for row in rows:
                print(f"{row.rule:<7} {len(lines_of(code[row.rule], root)):4} of {' '.join(code[row.rule])}")
            return 0
        return 1 if try_rows(rows, code, root, given.most, given.jobs) else 0
    except (compliance.Unusable, ValueError, BrokenRun, OSError) as error:
        return failed("mutate_rules", error, 2)


if __name__ == "__main__":
    exit_with(main)
