"""pytest's side of the tests that run inside MicroPython.

A file unit/test_*.py is read with ast, never imported: each `def test_*` or `async def test_*` at its top level
becomes one item a word size, `FILE::test_y[32]`. Module variables steer it, plain literals all:

    WORDS = (64, 32)     word sizes to run on (default: 32, the board's; in `make soak` both)
    HEAP = 128 * 1024    heap of the interpreter in bytes (default: its own)
    TIMEOUT = 5          seconds that one test may take, without its waits for a core (default: 240; it only ends what hangs)

A process serves one file at one word size, started when its first test runs; a test that hangs or kills it costs
that test only, the next one gets a new process.
"""

import ast
import json
import os
from pathlib import Path

import pytest
from frozen import FrozenError

from .interpreter import Interpreter, binary

UNIT = "unit"
RUNNER_FRAME = 'host_tests/mpy/runner.py", line'
DEFAULTS = {"WORDS": (64, 32) if os.environ.get("PILOTLIGHT_SOAK") == "1" else (32,), "HEAP": None, "TIMEOUT": 240}


class MicroPythonFailure(Exception):
    """A test failed inside MicroPython; the text is the whole report."""


def number(node):
    """A literal, or a product of literals such as 128 * 1024."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return number(node.left) * number(node.right)
    return ast.literal_eval(node)


def read(path: Path) -> tuple[dict, list[tuple[str, int]]]:
    """The steering variables and the (name, line) of each test function of a file."""
    options, tests = dict(DEFAULTS), []
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            tests.append((node.name, node.lineno))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in DEFAULTS:
            options[node.targets[0].id] = number(node.value)
    return options, tests


class MicroPythonFile(pytest.File):
    """A test file that only MicroPython runs."""

    def collect(self):
        """One item a test function and word size, the 64-bit ones first: those are the quick ones to read."""
        try:
            self.options, tests = read(self.path)
        except (SyntaxError, ValueError) as error:
            raise self.CollectError(f"{self.path.name} cannot be read: {error}") from error
        names = [name for name, _ in tests]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise self.CollectError(f"{self.path.name} defines {', '.join(twice)} twice; only the last would ever run")
        for word in self.options["WORDS"]:
            for name, line in tests:
                item = MicroPythonItem.from_parent(self, name=f"{name}[{word}]")
                item.function_name, item.word, item.line = name, word, line
                item.add_marker(f"word{word}")
                yield item


class MicroPythonItem(pytest.Item):
    """One test function at one word size."""

    function_name: str
    word: int
    line: int

    def runtest(self):
        """Run the function in the file's interpreter; starts one if there is none that lives."""
        try:
            program = binary(self.word)
        except FrozenError as error:
            raise MicroPythonFailure(str(error)) from error
        if not program.exists():
            raise MicroPythonFailure(f"{program.name} is missing: run 'make setup'")
        result = interpreter_for(self).run(self.function_name, self.parent.options["TIMEOUT"])
        if result.output:
            self.add_report_section("call", "stdout", result.output)
        if result.outcome == "skipped":
            pytest.skip(result.text)
        if result.outcome != "passed":
            raise MicroPythonFailure(self.report(result.outcome, result.text.rstrip()))
        said = frames_of(self)
        if said:
            problems = judge_of(self.config).problems_of_frames(said)
            if problems:
                raise MicroPythonFailure("what it said breaks OCPP's schemas:\n" + "\n".join(problems))

    def report(self, outcome: str, text: str) -> str:
        """The reader's view: what went wrong in the first line, then the traceback without the runner's frames."""
        lines = [line for line in text.splitlines() if RUNNER_FRAME not in line]
        what = f"{self.path.name} does not import: " if outcome == "broken" else ""
        return "\n".join([f"{what}{lines[0]} (MicroPython, {self.word} bit)", *lines[1:]])

    def repr_failure(self, excinfo, style=None):
        """MicroPython's traceback instead of pytest's, which would show this plugin."""
        if isinstance(excinfo.value, MicroPythonFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        """The place of the test, for the report and for editors."""
        return self.path, self.line - 1, self.name


RUNNING = pytest.StashKey[dict]()
JUDGE = pytest.StashKey()


def frames_of(item: MicroPythonItem) -> list:
    """The messages that the test's charge point sent, see unit/support/frames.py."""
    file = item.config.stash[RUNNING][item.path, item.word].folder / "frames.jsonl"
    if not file.exists():
        return []
    said = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    file.unlink()
    return said


def judge_of(config):
    """ocpp-rpc's validator, started when the first message wants judging."""
    if JUDGE not in config.stash:
        from backend import StrictBackend

        config.stash[JUDGE] = StrictBackend().start()
    return config.stash[JUDGE]


def interpreter_for(item: MicroPythonItem) -> Interpreter:
    """The living interpreter of the item's file and word size."""
    running = item.config.stash.setdefault(RUNNING, {})
    key = (item.path, item.word)
    if key not in running or not running[key].alive:
        folder = item.config._tmp_path_factory.mktemp(f"{item.path.stem}{item.word}")
        running[key] = Interpreter(item.path, item.word, item.parent.options["HEAP"], folder)
    return running[key]


def is_unit(path: Path, root: Path) -> bool:
    """True for the files that belong to MicroPython: those below a folder `unit` of the checkout."""
    return path.is_relative_to(root) and UNIT in path.relative_to(root).parent.parts


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path, parent):
    """Take the unit files before pytest's own module collector imports them."""
    if is_unit(module_path, parent.config.rootpath):
        return MicroPythonFile.from_parent(parent, path=module_path)
    return None


def pytest_runtest_teardown(item, nextitem):
    """End an interpreter when the next test does not need it."""
    running = item.config.stash.get(RUNNING, {})
    following = (nextitem.path, nextitem.word) if isinstance(nextitem, MicroPythonItem) else None
    for key in [key for key in running if key != following]:
        running.pop(key).close()


def pytest_configure(config):
    """Make `-m word32` known."""
    for word in (64, 32):
        config.addinivalue_line("markers", f"word{word}: runs inside the {word}-bit MicroPython")


def pytest_unconfigure(config):
    """End what an interrupted run left."""
    for interpreter in config.stash.get(RUNNING, {}).values():
        interpreter.close()
    if JUDGE in config.stash:
        config.stash[JUDGE].close()
