"""manifest.py, read by MicroPython's own manifestfile: exactly the charger is frozen, nothing is forgotten."""

import importlib.util
import shutil

import pytest

from house.source import FIRMWARE, ROOT

SOURCES = ROOT / ".toolchain" / "src"
# What asyncio is made of.
ASYNCIO = {f"asyncio/{name}.py" for name in ("__init__", "core", "event", "funcs", "lock", "stream")} | {"uasyncio.py"}
UNWANTED = ("requests", "mip", "webrepl", "urequests", "upysh", "espnow")


def manifestfile():
    """MicroPython's module that reads manifests."""
    spec = importlib.util.spec_from_file_location("manifestfile", SOURCES / "tools" / "manifestfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def frozen(read_manifest):
    """Target path -> source path of what manifest.py freezes for the DevKitC."""
    return read_manifest(ROOT / "manifest.py")


@pytest.fixture
def read_manifest(tmp_path):
    """A function of a manifest's path: target path -> source path of what it freezes."""
    library = tmp_path / "micropython" / "umqtt.simple"
    shutil.copytree(ROOT / ".toolchain" / "lib" / "umqtt", library / "umqtt")
    (library / "manifest.py").write_text('metadata(version="1")\npackage("umqtt")\n')

    def read(path, board=ROOT / "boards" / "ESP32_DEVKITC"):
        tool = manifestfile()
        manifest = tool.ManifestFile(tool.MODE_FREEZE, {
            "MPY_DIR": str(SOURCES), "PORT_DIR": str(SOURCES / "ports" / "esp32"), "MPY_LIB_DIR": str(tmp_path),
            "BOARD_DIR": str(board),
        })
        manifest.execute(str(path))
        targets = [file.target_path for file in manifest.files()]
        assert len(targets) == len(set(targets)), "frozen twice"
        read.levels = {file.target_path: file.opt for file in manifest.files()}
        return {file.target_path: file.full_path for file in manifest.files()}

    return read


def test_exactly_the_charger_is_frozen(frozen):
    """All of firmware/, the board's data, MQTT and asyncio; no more, and nothing of the port's own start."""
    firmware = {str(path.relative_to(FIRMWARE)) for path in FIRMWARE.rglob("*.py")}
    assert len(firmware) > 20
    others = {"board.py", "esp32_board.py", "umqtt/simple.py", "coprocessor_program/__init__.py"}
    assert set(frozen) == firmware | ASYNCIO | others


def test_only_a_board_with_the_program_has_it_and_its_driver(read_manifest):
    """The others have no byte of it in a product."""
    product = read_manifest(PRODUCT, ROOT / "boards" / "ESP32_C6_DEVKITC")
    assert not [place for place in product if "coprocessor" in place]


PRODUCT = ROOT / "boards" / "common" / "manifest_product.py"


def test_product_freezes_what_its_board_can_use_and_a_mark(frozen, read_manifest):
    """Drivers of other parts, Ethernet, Improv and FTP stay out; the mark is what tells that the console is closed."""
    product = read_manifest(PRODUCT)
    assert set(product) - set(frozen) == {"product_build.py"}
    drivers = {f"charger/drivers/{name}.py" for name in (
        "displays/ssd1306", "meters/atm90e32", "meters/bl0942", "meters/cse7766", "meters/ct_adc", "meters/sdm120",
        "meters/sdm630", "readers/pn532", "readers/rc522")}  # fmt: skip
    assert set(frozen) - set(product) == drivers | {
        "charger/grid/house_input.py", "charger/net/ethernet.py", "charger/net/ftp.py", "charger/net/improv.py"}


def test_product_of_a_board_with_other_parts_has_their_drivers_and_what_these_import(read_manifest, tmp_path):
    text = (ROOT / "boards" / "ESP32_DEVKITC" / "board.py").read_text(encoding="utf-8")
    folder = tmp_path / "boards"
    shutil.copytree(ROOT / "boards" / "common", folder / "common")
    (tmp_path / "manifest.py").symlink_to(ROOT / "manifest.py")
    (tmp_path / "firmware").symlink_to(FIRMWARE)
    (folder / "OTHER").mkdir()
    text = text.replace("ade7953_i2c", "sdm120").replace('"uart": 2, ', '"kind": "pn532_i2c", ')
    (folder / "OTHER" / "board.py").write_text(text + "\nLAN = {}\nHOUSE = ('ct_adc', {})\n")
    product = read_manifest(folder / "common" / "manifest_product.py", folder / "OTHER")
    stems = {path.rpartition("/")[2] for path in product}
    wanted = {"sdm120.py", "sdm630.py", "pn532.py", "ethernet.py", "house_input.py", "ct_adc.py"}
    assert wanted <= stems and not stems & {"ade7953.py", "rc522.py"}


def test_only_the_product_is_frozen_without_line_numbers(read_manifest):
    """The plain image prints traces on its console; level 3 leaves the line numbers out."""
    own = FIRMWARE / "charger"
    read_manifest(ROOT / "manifest.py")
    plain = dict(read_manifest.levels)
    read_manifest(PRODUCT)
    places = {f"charger/{path.relative_to(own)}" for path in own.rglob("*.py")} | {"main.py", "boot.py", "_boot.py", "board.py"}
    product = {level for place, level in read_manifest.levels.items() if place in places}
    assert {plain[place] for place in places} == {0} and product == {3}


def test_board_data_is_the_boards(frozen):
    """board.py comes from the board that is built, not from the simulated one."""
    assert frozen["board.py"] == str(ROOT / "boards" / "ESP32_DEVKITC" / "board.py")


def test_nothing_that_lets_code_in_is_frozen(frozen):
    """No package installer, remote REPL, or client that does not check certificates."""
    assert not [path for path in frozen for name in UNWANTED if name in path.split(".")[0].split("/")]
