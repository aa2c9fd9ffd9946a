"""docs/BRINGUP.md and docs/PRODUCTION.md: commands that exist, and one name for each fuse and partition everywhere."""

import re

import pytest
from board_definition import loading
from board_definition.chips import CHIPS

from house.source import ROOT

DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text()


def fuses():
    """Chip -> fuses that PRODUCTION.md names for it."""
    rows = re.findall(r"(?m)^\| (esp32\w*)[^|]*\|(.*)\|$", (DOCS / "PRODUCTION.md").read_text())
    return {chip: set(re.findall(r"`(\w+)`", cells)) for chip, cells in rows}


@pytest.mark.parametrize("name", ["BRINGUP.md", "PRODUCTION.md"])
def test_commands_exist(name):
    """Each make target has a rule, each tool a file, each link a page."""
    text = (DOCS / name).read_text()
    targets = set(re.findall(r"`make (\w+)", text))
    assert len(targets) >= 3
    for target in targets:
        assert re.search(rf"(?m)^{target}:", MAKEFILE), target
    for tool in re.findall(r"tools/\w+\.py", text):
        assert (ROOT / tool).exists(), tool
    for link in re.findall(r"\]\(([\w./]+)\)", text):
        assert (DOCS / link).exists(), link


def test_what_tests_prove_names_them():
    """Each (T) of BRINGUP.md has its test file; step 0 is what CI begins with."""
    text = (DOCS / "BRINGUP.md").read_text().partition("\n| Step |")[2]
    marks = re.findall(r"\(T\b([^)]*)\)", text)
    assert len(marks) >= 9
    for mark in marks:
        path = re.search(r"(\w+/test_\w+\.py)", mark)
        assert "each run of CI" in mark or (path and (ROOT / "host_tests" / path[1]).exists()), mark


def test_every_chip_has_its_fuses():
    """All chips of the boards, each with secure boot, encryption, download mode and JTAG."""
    assert set(fuses()) == set(CHIPS)
    assert all(len(names) >= 4 for names in fuses().values())


@pytest.mark.parametrize("name", loading.names())
def test_board_page_names_the_fuses_of_its_own_chip(name):
    """A page with a table of fuses has all of its chip's and none of another's."""
    text = (loading.BOARDS / name / "board.md").read_text()
    own = fuses()[loading.chip_of(loading.BOARDS / name).name]
    every = set().union(*fuses().values())
    named = {fuse for fuse in every if re.search(rf"`{fuse}`", text)}
    assert named in (set(), own)


def test_key_partition_has_one_name():
    """The documents ask for the partition that the tables have."""
    for path in (*DOCS.glob("*.md"), *loading.BOARDS.glob("*/board.md")):
        assert set(re.findall(r"\bnvs_key\w*", path.read_text())) <= {"nvs_keys"}, path
    for name in loading.names():
        assert re.search(r"(?m)^nvs_keys,", (loading.BOARDS / name / "partitions.csv").read_text())


def test_secure_boot_comes_in_the_order_that_leaves_a_unit_that_boots():
    """Signed parts before the digest, the digest before the enable fuse, each command one that espsecure or espefuse has."""
    text = (DOCS / "PRODUCTION.md").read_text().partition("## Secure boot and flash encryption")[2].partition("\n## ")[0]
    order = ["generate_signing_key", "sign_data", "verify_signature", "tools/release.py build", "Write the signed parts",
             "digest_sbv2_public_key", "burn_key secure_boot_v2", "burn_efuse", "FLASH_ENC_ENABLED", "summary --format json"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    known = {"espsecure.py": {"generate_signing_key", "sign_data", "verify_signature", "digest_sbv2_public_key"},
             "espefuse.py": {"burn_key", "burn_efuse", "summary"}, "esptool.py": {"write_flash"}}
    named = re.findall(r"`(es\w+\.py) (\w+)", text)
    assert len(named) >= 8 and all(command in known[tool] for tool, command in named)
    for option in re.findall(r"`(CONFIG_\w+)", text):
        assert option.startswith(("CONFIG_SECURE_", "CONFIG_NVS_ENCRYPTION")), option


def test_calibration_comes_before_provisioning():
    """Provisioning closes the console that calibration needs."""
    for name in ("BRINGUP.md", "PRODUCTION.md"):
        text = (DOCS / name).read_text()
        assert text.index("alibrate") < text.index("rovision (" if name == "BRINGUP.md" else "**Provision**"), name
