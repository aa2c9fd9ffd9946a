"""Imports stand at the top of a file; one inside a function of the firmware has a comment with its reason."""

import ast
import re

from house.source import modules

# The bytes that it saves on units that do not need it, memory.unload() that takes it away again, or the depth of the C stack.
_REASON = re.compile(r"\d[\d,]* (frozen bytes|bytes of heap)|memory\.unload\(\) unloads|\bC stack\b")
# Imports that could not stand at the top.
EXEMPT = {
    ("_boot", "boot"): "runs it",
    ("_boot", "main"): "runs it",
    ("charger.drivers.console", "product_build"): "is in the PRODUCT variant only",
}


def inner_imports(source):
    """Yield (line, target, comment) of each import inside a function; a group of imports shares the comment of its first."""
    lines = source.split("\n")
    inner = {}
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.update((node.lineno, node) for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))
    for number, node in sorted(inner.items()):
        comment = lines[number - 1].partition("#")[2]
        above = number - 1
        while above in inner or lines[above - 1].lstrip().startswith("#"):
            comment = lines[above - 1].partition("#")[2] + " " + comment
            above -= 1
        target = node.names[0].name if isinstance(node, ast.Import) else f"{node.module}.{node.names[0].name}"
        yield number, target, comment


def faults(name, source):
    """Imports inside functions whose comment gives no reason, in words."""
    return [f"{name} line {number}: {target}: the comment gives neither bytes nor memory.unload()"
            for number, target, comment in inner_imports(source)
            if not _REASON.search(comment) and (name, target) not in EXEMPT]


def test_each_import_inside_a_function_has_its_reason():
    found = []
    for name, path in modules().items():
        found += faults(name, path.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


def test_each_exemption_is_needed():
    seen = {(name, target) for name, path in modules().items()
            for _, target, _ in inner_imports(path.read_text(encoding="utf-8"))}
    assert set(EXEMPT) <= seen


def test_an_import_without_a_reason_is_found():
    assert faults("a", "def f():\n    import b\n")
    assert faults("a", "def f():\n    from b import c  # seldom needed\n")
    assert not faults("a", "def f():\n    from b import c  # 1,200 frozen bytes, for units with a b\n    from b import d\n")
    assert not faults("a", "def f():\n    # with d.py: 900 bytes of heap\n    from b import c\n")
    assert not faults("a", "import b\n\n\ndef f():\n    return b\n")
