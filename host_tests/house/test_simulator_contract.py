"""docs/ARCHITECTURE.md's contract names every option of the simulator and every command of its control port."""

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


def test_the_commands_are_found():
    assert {"plug_in", "swipe", "status"} <= set(command_names())
