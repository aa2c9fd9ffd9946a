"""Exceptions that cross modules are defined in one place, so that `except` and `raise` mean the same class."""

import ast

from house.source import modules

HOME = "charger.errors"


def _exceptions(tree, known):
    """Names of the exception classes that a module defines."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
            if any(base in known or base.endswith(("Error", "Exception")) for base in bases):
                found.append(node.name)
    return found


def test_f_s15_every_exception_that_crosses_modules_is_in_errors_and_named_error():
    """Elsewhere an exception is private to its module, which its underscore says."""
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules().items()}
    own = [node.name for node in trees[HOME].body if isinstance(node, ast.ClassDef)]
    assert len(own) > 20
    assert [name for name in own if not name.endswith("Error")] == []
    elsewhere = [
        f"{module}: {name}"
        for module, tree in trees.items() if module != HOME
        for name in _exceptions(tree, own) if not name.startswith("_")
    ]
    assert not elsewhere, "\n".join(elsewhere)


def test_a_module_of_its_own_exceptions_is_found():
    assert _exceptions(ast.parse("class Gone(Exception):\n    pass"), []) == ["Gone"]
    assert _exceptions(ast.parse("class Gone(errors.ConnectError):\n    pass"), ["ConnectError"]) == ["Gone"]
    assert _exceptions(ast.parse("class Plain:\n    pass"), []) == []
