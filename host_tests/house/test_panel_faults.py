"""The panel offers every fault that the simulated board has."""

import ast
import re

from house.source import ROOT


def faults_of_the_board():
    """Keys of the dictionaries of boards/SIM/sim/faults.py."""
    tree = ast.parse((ROOT / "boards" / "SIM" / "sim" / "faults.py").read_text())
    return {key.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id in ("OF_OUTLET", "OF_BOARD")
            for key in node.value.keys}


def test_the_panel_offers_every_fault_of_the_simulated_board():
    text = (ROOT / "tools" / "panel" / "page" / "controls.jsx").read_text()
    listed = re.search(r"const FAULTS = \((.*?)\)\.split", text, re.S).group(1)
    words = "".join(re.findall(r'"([^"]*)"', listed)).split()
    assert sorted(words) == sorted(faults_of_the_board())
