"""Holders of the whole Application (`app`) or the whole ChargePoint (`cp`); all others get the collaborators that they use.

A part that is created on demand comes from a method: a property only reads.
"""

import ast

import pytest

from house.source import modules

# One context object for functions that share a signature, which is a documented interface (docs/ARCHITECTURE.md).
INTERFACES = {
    "charger.commands.": "a command: act(app, role, args, surface)",
    "charger.ocpp.v16.actions.": "an action: handle(cp, request)",
}
# The modules that still hold one: take those off that no longer do; nothing is added.
HOLDERS = {
    "app": {
        "charger.wiring": "builds its parts",
        "charger.network_wiring": "builds its parts",
        "charger.status_report": "reports all of it",
        "charger.mqtt_client.client": "publishes the status and the security log, and runs commands: it uses nine parts",
        "charger.mqtt_client.messages": "the status contains values of eight parts",
        "charger.update.update_manager": "tests each part of a new image, restarts the unit, takes it off the network",
    },
    "cp": {},
}
_CLASSES = {"Application": "app", "ChargePoint": "cp"}


def held(source):
    """{"app", "cp"}: what functions of this source are given whole, by the parameter's name or by its annotation."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            words = {part.id for part in ast.walk(node.annotation) if isinstance(part, ast.Name)} if node.annotation else set()
            found.update(name for word, name in _CLASSES.items() if word in words or node.arg == name)
    return found


def creating_properties(source):
    """Names of the properties of this source that import a module or set an attribute or an item."""
    return [node.name for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(part) == "property" for part in node.decorator_list)
            and any(isinstance(part, (ast.Import, ast.ImportFrom)) or (
                isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, ast.Store)) for part in ast.walk(node))]


def holders(name):
    """The modules outside of the interfaces that are given the whole `name`."""
    return {module for module, path in modules().items()
            if not module.startswith(tuple(INTERFACES)) and name in held(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", ["app", "cp"])
def test_no_other_module_is_given_the_whole(name):
    assert holders(name) - set(HOLDERS[name]) == set(), "pass the collaborators that it uses"


@pytest.mark.parametrize("name", ["app", "cp"])
def test_the_list_has_only_those_that_are(name):
    assert set(HOLDERS[name]) - holders(name) == set(), "take them off the list"


def test_no_property_creates_anything():
    found = {module: creating_properties(path.read_text(encoding="utf-8")) for module, path in modules().items()}
    assert {module: names for module, names in found.items() if names} == {}, "make it a method"


def test_a_property_that_imports_or_sets_is_found():
    creates = "class A:\n    @property\n    def part(self):\n        %s\n        return self.made\n"
    assert creating_properties(creates % "self.made = 1") == ["part"]
    assert creating_properties(creates % "self.made['a'] = 1") == ["part"]
    assert creating_properties(creates % "import a") == ["part"]
    assert creating_properties(creates % "a, b = self.made") == []


def test_both_ways_to_be_given_it_are_found():
    assert held("def f(app):\n    pass\n") == {"app"}
    assert held("class A:\n    def __init__(self, point: ChargePoint | None):\n        pass\n") == {"cp"}
    assert held("def f(files: Files, connectors: list):\n    pass\n") == set()
