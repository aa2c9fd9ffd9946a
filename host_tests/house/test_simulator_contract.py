"""docs/ARCHITECTURE.md's contract names the options of the simulator and the commands of its control port: all, and no other."""

import re

import pytest
from simulator import options

from house.source import ROOT


def contract():
    """The section of the document."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    return text.partition("### Its contract")[2].partition("\n## ")[0]


def option_names():
    return sorted(word for action in options._parser()._actions for word in action.option_strings if word.startswith("--"))


def command_names():
    folder = ROOT / "boards" / "SIM" / "sim"
    source = "\n".join((folder / name).read_text() for name in ("control.py", "outlet_commands.py", "electrical_commands.py"))
    return sorted(set(re.findall(r'^    "([a-z_]+)": \(_', source, re.M)))


@pytest.mark.parametrize("name", [name for name in option_names() if name != "--help"])
def test_the_contract_names_the_option(name):
    assert re.search(re.escape(name) + r"(?![\w-])", contract()), name


@pytest.mark.parametrize("name", command_names())
def test_the_contract_names_the_command(name):
    assert re.search(rf"`{name}\b", contract()), name


def strangers(text, options_, commands):
    """Options and commands that a contract names and that are not there."""
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text)) - set(options_)
    listed = text.partition("- Commands:")[2].partition("\n- ")[0]
    called = {word.partition("(")[0] for word in re.findall(r"`([a-z_]+(?:\([^`]*\))?)`", listed)}
    values = {"personal", "factory"}  # of erase
    return sorted(named | (called - set(commands) - values))


def test_the_contract_names_nothing_that_is_gone():
    assert strangers(contract(), option_names(), command_names()) == []


@pytest.mark.parametrize(("text", "found"), [
    ("`simulate.py [--old X] [--state-dir D]`\n- Commands: `plug_in([x])` (C), `status()`", ["--old"]),
    ("--state-dir\n- Commands: `plug_in([x])`, `unplug(a,b)`, `status`\n- `other` is no command", ["unplug"]),
])  # fmt: skip
def test_an_option_and_a_command_that_are_gone_are_found(text, found):
    assert strangers(text, ["--state-dir"], ["plug_in", "status"]) == found


def test_the_commands_are_found():
    assert {"plug_in", "swipe", "status"} <= set(command_names())
