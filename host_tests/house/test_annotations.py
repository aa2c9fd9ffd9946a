"""The firmware's functions are annotated in full, and the names of types are the same for pyright, ruff and the readers."""

import ast
import tomllib
from collections import Counter

from house.source import FIRMWARE, ROOT, modules

NAMES = ROOT / "tools" / "annotations" / "__builtins__.pyi"
LEAST_PERCENT = 95
LEAST_OF_A_FOLDER = 90


def is_full(function):
    """True when each parameter has a type, and the result too, but of __init__, which has none."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    typed = all(argument.annotation or argument.arg in ("self", "cls") for argument in arguments)
    return typed and (function.returns is not None or function.name == "__init__")


def percent_by_folder():
    """Of the functions of each folder of the firmware, and of all ("")."""
    full, whole = Counter(), Counter()
    for path in modules().values():
        functions = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                     if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for folder in ("", "/".join(path.relative_to(FIRMWARE).parts[:-1][:2])):
            whole[folder] += len(functions)
            full[folder] += sum(map(is_full, functions))
    return {folder: 100 * full[folder] / count for folder, count in whole.items() if count}


def test_nearly_all_functions_are_annotated_in_full_in_each_folder():
    found = percent_by_folder()
    assert found.pop("") >= LEAST_PERCENT
    assert {folder: round(percent) for folder, percent in found.items() if folder and percent < LEAST_OF_A_FOLDER} == {}


def test_ruff_knows_the_names_that_pyright_knows_without_an_import():
    tree = ast.parse(NAMES.read_text(encoding="utf-8"))
    names = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names if alias.asname}
    names |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    names -= {"ptr", "ptr8", "ptr16", "ptr32", "uint"}  # of viper, which needs no import
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert set(tomllib.load(file)["tool"]["ruff"]["builtins"]) == names
