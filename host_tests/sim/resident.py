"""The list of modules whose definitions take no heap (boards/common/resident_modules.txt) against what a unit has loaded."""

import ast

import micropython_patch

from house.source import FIRMWARE, modules

_MEMORY = "charger.runtime.memory"


def listed():
    """Dotted names of the modules on the list, as they stand there."""
    names = {str(path.relative_to(FIRMWARE)): name for name, path in modules().items()}
    return [names[line] for line in micropython_patch.RESIDENT.read_text().splitlines() if not line.startswith("#")]


def unloaded():
    """Dotted names of the modules that the firmware unloads: the tuples of names in runtime/memory.py."""
    lists = [node.value for node in ast.parse(modules()[_MEMORY].read_text()).body
             if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)]
    return {name for names in lists for name in ast.literal_eval(names)}


def defining(names):
    """Those of the modules that define functions or classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {name for name in names if any(isinstance(node, kinds) for node in ast.parse(modules()[name].read_text()).body)}


def assert_resident(loaded):
    """The list names those that stay loaded and define anything, in order."""
    names = listed()
    assert names == sorted(names, key=lambda name: str(modules()[name]))
    heap, flash, nothing = defining(loaded - unloaded()) - set(names), set(names) - defining(loaded), set(names) & unloaded()
    assert not heap, f"their definitions take heap: {sorted(heap)}"
    assert not flash, f"their definitions take flash for nothing: {sorted(flash)}"
    assert not nothing, f"unloading these gives back next to nothing: {sorted(nothing)}"
