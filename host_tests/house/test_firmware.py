"""Rules of every file of firmware/."""

import ast
import re
import subprocess

from house.source import FIRMWARE, ROOT, modules
from mpy.interpreter import binary, environment

LONGEST_FILE = 450
LONGEST_FUNCTION = 60
# boot and main start the charger; the others only define things
STARTING = {"_boot", "boot", "main"}
HARMLESS_OS = ("urandom", "uname")


def sources(*, without=()):
    """(name, text) of every module of firmware/ but these."""
    return [(name, path.read_text(encoding="utf-8")) for name, path in modules().items() if name not in without]


def test_modules_import_on_32_bit():
    """Each imports by itself on the board's word size: no CPython-only name, no import that needs another first.

    Only the simulated `time`, which nests deeper than the built-in one of a board, is there before.
    """
    broken = []
    for name, _ in sources(without=STARTING):
        done = subprocess.run(
            [str(binary(32)), "-c", f"import time, {name}"],
            cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=20, check=False,
        )
        if done.returncode:
            broken.append(f"import {name}\n{done.stdout}{done.stderr}")
    assert not broken, "\n".join(broken)


def test_modules_are_not_too_long():
    """A module that outgrows this has more than one job."""
    made = "charger.local_api.page_assets"  # by tools/web_page/build.py
    lengths = {name: len(text.splitlines()) for name, text in sources() if name != made}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}
    assert not long, f"more than {LONGEST_FILE} lines: {long}"


def long_functions(name, text):
    """Functions of more than LONGEST_FUNCTION lines, docstring and comments included."""
    return [
        f"{name}.{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]


def test_functions_are_not_too_long():
    """Nor has a function."""
    assert not [line for name, text in sources() for line in long_functions(name, text)]


def test_firmware_does_not_know_the_simulator():
    """No module asks where it runs: what differs between boards lives in boards/."""
    pattern = re.compile(r"(?i)\b(?:is_)?sim(?:ulat\w*)?\b|sys\.platform")
    found = {name: sorted(set(pattern.findall(text))) for name, text in sources() if pattern.search(text)}
    assert not found


def flash_access(source):
    """Lines that reach the file system: open(), or a name of os other than the random numbers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            found.append(f"line {node.lineno}: open()")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "uos"):
            if node.attr not in HARMLESS_OS:
                found.append(f"line {node.lineno}: os.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "uos"):
            found += [f"line {node.lineno}: os.{a.name}" for a in node.names if a.name not in HARMLESS_OS]
    return found


def test_only_store_touches_the_flash():
    """One owner for the flash: what is written elsewhere would not survive a power cut (WP rules live in store)."""
    found = {name: flash_access(text) for name, text in sources(without={"boot"}) if "charger.store" not in name}
    assert not {name: lines for name, lines in found.items() if lines}


def test_flash_access_is_found():
    """The check above sees what it is there for."""
    assert flash_access("def f():\n    open('x')")
    assert flash_access("import os\nos.remove('x')")
    assert flash_access("from os import rename")
    assert not flash_access("import os\nos.urandom(4)")


def test_no_assert_in_firmware():
    """mpy-cross -O drops assert statements, so none may guard anything."""
    found = [
        f"{name} line {node.lineno}"
        for name, text in sources()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assert)
    ]
    assert not found


def test_no_stray_files():
    """All files of firmware/ end up on the board: modules, and the page's files below local_api/."""
    strays = [
        str(path.relative_to(ROOT))
        for path in FIRMWARE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "web" not in path.parts
    ]
    assert not strays
