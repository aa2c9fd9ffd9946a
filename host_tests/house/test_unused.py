"""Each function of the firmware is called by the firmware or a board: what only tests call is no evidence of anything."""

import ast
from collections import Counter

from house.source import ROOT, modules

# Read by the programs of tools/ or by the checks of the tests, of objects that the firmware itself uses.
FOR_HOSTS = {
    "age_ms": "tools/calibrate.py waits for a fresh reading",
    "da_from_duty": "the inverse of duty_from_da(), with which tests read the pilot's signal",
    "total_mwh": "the tests of the register compare it to the milliwatt-hour",
    "transition_path": "the conformance test reads the state machine as data",
}


def _defined(tree):
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and not node.name.startswith("__")]


def _used(tree):
    """Names that a module reads, calls or imports; words of its texts too, since commands and handlers are found by name."""
    found = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found[node.value] += 1
    return found


def test_f_s16_each_function_of_the_firmware_is_used_by_the_firmware_or_a_board():
    defined, used = {}, Counter()
    for name, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used.update(_used(tree))
        defined.update(dict.fromkeys(_defined(tree), name))
    for path in (ROOT / "boards").rglob("*.py"):
        used.update(_used(ast.parse(path.read_text(encoding="utf-8"))))
    unused = {function: module for function, module in defined.items() if not used[function]}
    assert {function: module for function, module in unused.items() if function not in FOR_HOSTS} == {}
    assert set(FOR_HOSTS) <= set(unused), "the firmware uses these now: take them off the list"


def test_a_function_that_nobody_calls_is_found():
    tree = ast.parse("def lonely():\n    pass\ndef busy():\n    pass\nbusy()\n")
    assert [name for name in _defined(tree) if not _used(tree)[name]] == ["lonely"]
