"""Checks of a board definition without the ESP-IDF: pins, partitions, divider, configuration names."""

import csv
import itertools
import json
import re
import subprocess

import micropython_patch
import pytest
from board_definition import checks, loading
from ulp import assemble

from house.source import ROOT
from mpy.interpreter import binary, environment

BOARDS = ROOT / "boards"
REAL = loading.names()
PORT = ROOT / ".toolchain" / "src" / "ports" / "esp32"

# Options of the ESP-IDF that none of the port's boards sets; each was looked up in an sdkconfig that the ESP-IDF wrote.
IDF_OPTIONS = {f"CONFIG_{name}" for name in (
    "FREERTOS_HZ", "ESP_CONSOLE_NONE", "ESP_CONSOLE_UART_DEFAULT", "ESP_CONSOLE_SECONDARY_NONE", "BOOTLOADER_LOG_LEVEL_NONE",
    "LOG_DEFAULT_LEVEL_NONE", "LOG_MAXIMUM_EQUALS_DEFAULT", "LWIP_IPV6", "ESP_SYSTEM_PANIC_PRINT_REBOOT",
    "ESP_SYSTEM_PANIC_SILENT_REBOOT",
)}
COMMON = loading.COMMON
COMMON_HEADER = '#include "../common/mpconfigboard_common.h"'
COMMON_CMAKE = "include(${MICROPY_BOARD_DIR}/../common/mpconfigboard_common.cmake)"


@pytest.fixture(params=REAL)
def name(request):
    """Each real board in turn."""
    return request.param


@pytest.fixture
def board(name):
    """The data of that board."""
    return loading.load(BOARDS / name)


def header_of(name):
    """mpconfigboard.h of a board with the header that it includes."""
    text = (BOARDS / name / "mpconfigboard.h").read_text()
    assert text.count(COMMON_HEADER) == 1
    return text.replace(COMMON_HEADER, (COMMON / "mpconfigboard_common.h").read_text())


def cmake_of(name):
    """mpconfigboard.cmake of a board with the file that it includes."""
    text = (BOARDS / name / "mpconfigboard.cmake").read_text()
    assert text.count(COMMON_CMAKE) == 1
    return text.replace(COMMON_CMAKE, (COMMON / "mpconfigboard_common.cmake").read_text())


def contactors_of(board):
    """The board data of all contactors, in the order of the outlets."""
    found = [outlet[part] for outlet in board["OUTLETS"] for part in ("contactor", "phase_switch")]
    return [wiring for wiring in found if wiring is not None]


def simulated_board():
    """The data of boards/SIM, whose shims the interpreter finds."""
    script = "import json, board; print(json.dumps({n: getattr(board, n) for n in dir(board) if n.isupper() and n[0] != '_'}))"
    done = subprocess.run([str(binary(32)), "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True,
                          env=environment())
    return json.loads(done.stdout)


def test_measures_are_built_with_the_interpreter_of_the_boards():
    """Instruction counts and memory are those of a board's interpreter only if it is configured like one."""
    measures = ("tools/target/port/mpconfigtarget.h", "tools/unix_port/mpconfigvariant.h")
    files = [COMMON / "mpconfigboard_common.h", *(ROOT / name for name in measures)]
    for option in ("OPT_MAP_LOOKUP_CACHE_SIZE", "MODULE_FROZEN_DEFINITIONS", "QSTR_BYTES_IN_HASH"):
        values = [re.findall(rf"define MICROPY_{option} \((\d+)\)", path.read_text()) for path in files]
        assert all(len(found) == 1 and found == values[0] for found in values), (option, values)


def test_boards_freeze_with_the_list_of_resident_modules(name):
    """mpy-tool without the patch refuses the option: no image is built whose definitions silently take heap."""
    option = "set(MICROPY_MPY_TOOL_FLAGS --rom-definitions=${MICROPY_BOARD_DIR}/../common/resident_modules.txt)"
    assert cmake_of(name).count(option) == 1 and micropython_patch.RESIDENT == COMMON / "resident_modules.txt"
    assert "${MICROPY_MPY_TOOL_FLAGS}" in (PORT.parents[1] / "py" / "mkrules.cmake").read_text()
    assert '"--rom-definitions"' in (PORT.parents[1] / "tools" / "mpy-tool.py").read_text()


def test_readme_lists_every_board():
    """An installer finds the page of each; a new board is one link more."""
    links = set(re.findall(r"\]\(boards/(\w+)/board\.md\)", (ROOT / "README.md").read_text()))
    assert links == set(REAL)


def test_a_real_board_is_defined():
    """The checks below check something."""
    assert {"ESP32_DEVKITC", "ESP32_S3_DEVKITC"} <= set(REAL)


def test_same_shape_as_the_simulated_board(name, board):
    """The firmware that runs on the simulated board finds the same names on the real one."""
    simulated = simulated_board()
    assert set(board) - {"FACTORY_FILE", "COPROCESSOR"} == set(simulated)
    assert board["NAME"] == name
    for part in ("DEVICE", "CSMS", "SHARED"):
        assert set(board[part]) == set(simulated[part]), part
    wanted = simulated["OUTLETS"][0]
    for outlet in board["OUTLETS"]:
        assert set(outlet) == set(wanted)
        for part, wiring in outlet.items():
            if isinstance(wiring, dict) and isinstance(wanted[part], dict):
                assert set(wiring) - {"tx", "rx", "reset"} == set(wanted[part]) - {"reset"}, part  # a latching monitor has one


def test_program_of_the_co_processor_is_the_assembled_one(name, board):
    """Board data and the program in the board's folder go together; `python -m ulp.assemble NAME` writes it."""
    path = BOARDS / name / assemble.MODULE
    assert path.exists() == board.get("COPROCESSOR", False)
    if path.exists():
        assert path.read_text() == assemble.module(assemble.of_board(name))


def test_definition_has_no_fault(name, board):
    """Ranges, pins, buses and chip, by the checks that test_board_checks.py proves with wrong definitions."""
    assert checks.check(name, board, loading.chip_of(BOARDS / name)) == []


def test_start_up_code_opens_the_contactors_of_the_board(name, board):
    """CP-30: pins and levels in mpconfigboard.h (C) and the names in pins.csv (_boot.py) are those of board.py."""
    pins = [wiring["out"] for wiring in contactors_of(board)]
    header = header_of(name)
    listed = re.search(r"#define PILOTLIGHT_CONTACTOR_PINS \{([\d, ]+)\}", header).group(1)
    assert [int(pin) for pin in listed.split(",")] == pins
    levels = re.search(r"#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS \{([\d, ]+)\}", header).group(1)
    assert [int(level) for level in levels.split(",")] == [1 - wiring["active"] for wiring in contactors_of(board)]
    with (BOARDS / name / "pins.csv").open() as file:
        rows = [(use, int(pin[4:])) for use, pin in csv.reader(file) if use.startswith(("CONTACTOR_OUT", "PHASE_SWITCH_OUT"))]
    assert [pin for _, pin in rows] == pins
    assert [int(use.endswith("_N")) for use, _ in rows] == [1 - wiring["active"] for wiring in contactors_of(board)]
    startup = re.search(r"#define MICROPY_BOARD_STARTUP (\w+)", header).group(1)
    assert f"void {startup}(void) {{" in (COMMON / "startup.c").read_text()
    assert "/../common/startup.c" in cmake_of(name)


def test_pins_csv_says_the_same(name, board):
    """pins.csv names exactly the pins that board.py uses."""
    with (BOARDS / name / "pins.csv").open() as file:
        rows = {use: int(pin.removeprefix("GPIO")) for use, pin in csv.reader(file)}
    assert rows == checks.pins_of(name, board, loading.chip_of(BOARDS / name))


def test_board_md_says_the_same(name, board):
    """The wiring table has exactly the pins that board.py uses."""
    text = (BOARDS / name / "board.md").read_text()
    table = [int(pin) for pin in re.findall(r"(?m)^\| GPIO(\d+) \|", text)]
    assert sorted(table) == sorted(checks.pins_of(name, board, loading.chip_of(BOARDS / name)).values())


def test_divider_table_of_board_md(name, board):
    """The voltages in board.md are what the formula gives."""
    text = (BOARDS / name / "board.md").read_text()
    rows = re.findall(r"(?m)^\| ([+-]?[\d.]+) V \|[^|]*\| (\d+) mV \|$", text)
    assert len(rows) >= 6
    for volts, mv in rows:
        assert abs(checks.node_mv(board["OUTLETS"][0]["pilot"], float(volts) * 1000) - int(mv)) <= 1, volts


def test_error_budget_of_board_md(name, board):
    """The budget adds up, follows from the divider, and stays below what the windows of CP-5 leave."""
    pilot = board["OUTLETS"][0]["pilot"]
    gain = pilot["r1"] * (1 / pilot["r1"] + 1 / pilot["r2"] + 1 / pilot["r3"])
    text = (BOARDS / name / "board.md").read_text()
    rows = re.findall(r"(?m)^\| (?:ADC|rail|resistors|sum|noise|all four)[^|]*\| (\d+) mV \|$", text)
    adc, rail, drift, total, noise, together = (int(mv) for mv in rows)
    assert abs(adc - 15 * gain) <= 1
    assert abs(rail - pilot["rail_mv"] * 0.005 * pilot["r1"] / pilot["r2"]) <= 1
    worst = 0
    for signs in itertools.product((-1, 1), repeat=3):
        pairs = zip(("r1", "r2", "r3"), signs, strict=True)
        drifted = {**pilot, **{r: pilot[r] * (1 + sign * 25e-6 * 50) for r, sign in pairs}}
        worst = max(worst, abs(checks.node_mv(drifted, 12000) - checks.node_mv(pilot, 12000)) * gain)
    assert abs(drift - worst) <= 1
    assert total == adc + rail + drift
    assert total <= 360
    assert abs(noise - 20 * gain) <= 1
    assert abs(together - (adc**2 + rail**2 + drift**2 + noise**2) ** 0.5) <= 1
    assert together <= 360
    assert f"it would be {total + noise} mV" in text
    assert f"bears {int((360 - total) / gain)} mV" in text


def partitions(text):
    """(name, type, subtype, offset, size) of a partition table in the ESP-IDF's CSV form."""
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    rows = [[field.strip() for field in line.split(",")] for line in lines]
    return [(row[0], row[1], row[2], int(row[3], 0), int(row[4], 0)) for row in rows]


def test_partitions_fit(name):
    """No overlap, slots aligned as the chip's MMU wants them, all within the flash that sdkconfig names."""
    folder = BOARDS / name
    flash = int(re.search(r"FLASHSIZE_(\d+)MB=y", (folder / "sdkconfig.board").read_text()).group(1)) * 1024 * 1024
    rows = sorted(partitions((folder / "partitions.csv").read_text()), key=lambda row: row[3])
    assert rows[0][3] >= 0x9000, "the table itself is at 0x8000 and one sector long"
    for (first, _, _, offset, size), (second, *_, after, _) in itertools.pairwise(rows):
        assert offset + size <= after, f"{first} reaches into {second}"
    for row, kind, _, offset, size in rows:
        assert offset % (0x10000 if kind == "app" else 0x1000) == 0, row
        assert size % 0x1000 == 0, row
    assert rows[-1][3] + rows[-1][4] <= flash


def test_partitions_for_updates(name):
    """Two equal slots, the data that chooses between them, and the file system by the name that the port looks for."""
    rows = {row[0]: row for row in partitions((BOARDS / name / "partitions.csv").read_text())}
    assert rows["ota_0"][4] == rows["ota_1"][4] >= 0x180000  # the port's own OTA table
    assert rows["otadata"][2:] == ("ota", rows["otadata"][3], 0x2000)
    assert rows["vfs"][1] == "data"
    assert rows["nvs"][2] == "nvs"
    assert rows["nvs_keys"][1:3] == ("data", "nvs_keys")  # an encrypted NVS finds its keys by the subtype
    text = (BOARDS / name / "partitions.csv").read_text()
    assert re.search(r"(?m)^nvs_keys,.*0x1000, +encrypted$", text)
    assert not any(row[2] == "factory" for row in rows.values()), "the boot loader would fall back to a third image"


def config_names(*paths):
    """Names of CONFIG_ options that are set in these files."""
    return {found for path in paths for found in re.findall(r"(?m)^#?(CONFIG_\w+)=", path.read_text())}


def test_sdkconfig_names_are_known(name):
    """Each option is one that the port's own boards set: a misspelt one would be ignored without a word."""
    known = config_names(*PORT.glob("boards/**/sdkconfig*")) | IDF_OPTIONS
    assert len(known) > 100
    assert config_names(BOARDS / name / "sdkconfig.board", *COMMON.glob("sdkconfig.*")) <= known
    assert config_names(*COMMON.glob("sdkconfig.*"), BOARDS / name / "sdkconfig.board") & IDF_OPTIONS
    assert set(re.findall(r"(CONFIG_\w+)=", cmake_of(name))) <= known


def test_sdkconfig_files_exist(name):
    """Each file of SDKCONFIG_DEFAULTS is the port's, the board's, or written by mpconfigboard.cmake itself."""
    text = cmake_of(name)
    listed = [entry for found in re.findall(r"\((?:APPEND )?SDKCONFIG_DEFAULTS(.*?)\)", text, re.S) for entry in found.split()]
    assert listed[-3:] == [
        "${MICROPY_BOARD_DIR}/../common/sdkconfig.charger", "${MICROPY_BOARD_DIR}/sdkconfig.board",
        "${CMAKE_BINARY_DIR}/sdkconfig.partitions",
    ], "the last file that sets an option decides"  # fmt: skip
    assert "boards/sdkconfig.base" in listed
    for entry in listed:
        if entry.startswith("${CMAKE_BINARY_DIR}/"):
            assert f"file(WRITE {entry}" in text
        elif entry.startswith("${MICROPY_BOARD_DIR}/"):
            assert (BOARDS / name / entry.partition("/")[2]).exists(), entry
        else:
            assert (PORT / entry).exists(), entry
    frozen = re.search(r"MICROPY_FROZEN_MANIFEST \$\{MICROPY_BOARD_DIR\}/(\S+)\)", text).group(1)
    assert (BOARDS / name / frozen).resolve() == ROOT / "manifest.py"


def test_macros_are_known(name):
    """mpconfigboard.h sets what the port's sources read and what it lets a board set."""
    sources = [*PORT.glob("*.h"), *PORT.glob("*.c"), *PORT.glob("*.cmake"), *(PORT.parents[1] / "py").glob("*.h"),
               COMMON / "startup.c"]
    text = "\n".join(path.read_text() for path in sources)
    for macro in re.findall(r"(?m)^#define (\w+)", header_of(name)):
        assert re.search(rf"\b{macro}\b", text), macro
        forced = re.search(rf"(?m)^#define {macro}\b", text) and not re.search(rf"(?m)^\s*#\s*ifndef {macro}\b", text)
        assert not forced, f"{macro} is fixed by the port, a board cannot set it"


def test_hardware_that_no_board_has_is_left_out(name):
    """The image has to fit its slot: LAN, SD card, PPP and Ethernet on SPI are out, by names that the port's sources read."""
    header = header_of(name)
    for macro in ("MICROPY_PY_NETWORK_LAN", "MICROPY_HW_ENABLE_SDCARD", "MICROPY_PY_MACHINE_I2S"):
        assert f"#define {macro} (0)" in header
    shared = (COMMON / "sdkconfig.charger").read_text()
    for option in ("LWIP_PPP_SUPPORT", "ETH_USE_SPI_ETHERNET"):
        assert f"CONFIG_{option}=n" in shared
    assert "CONFIG_FREERTOS_HZ=1000" in shared
    assert "${MICROPY_BOARD_DIR}/../common/sdkconfig.charger" in cmake_of(name)


def test_unneeded_protocols_are_switched_off(name):
    """SEC-19: switched off at build time, not just left alone."""
    text = header_of(name)
    for macro in ("PY_BLUETOOTH", "PY_ESPNOW", "HW_ENABLE_MDNS_QUERIES", "HW_ENABLE_MDNS_RESPONDER"):
        assert re.search(rf"(?m)^#define MICROPY_{macro} \(0\)$", text), macro


PRODUCT_OFF = ("MICROPY_HW_ENABLE_UART_REPL", "MICROPY_ENABLE_COMPILER", "MICROPY_PERSISTENT_CODE_LOAD",
               "MICROPY_PY_BUILTINS_HELP", "MICROPY_HELPER_REPL")  # fmt: skip


def test_a_product_has_no_console_and_loads_no_code(name):
    """SEC-21: the variant sets what the port's sources ask for, and the port lets it."""
    text = (BOARDS / name / "mpconfigvariant_PRODUCT.cmake").read_text()
    assert "include(${MICROPY_BOARD_DIR}/../common/product.cmake)" in text
    text = (COMMON / "product.cmake").read_text()
    set_ = dict(re.findall(r"(?m)^    (MICROPY_\w+)=(\d+)$", text))
    assert set_ == dict.fromkeys(PRODUCT_OFF, "0")
    assert "${MICROPY_BOARD_DIR}/../common/sdkconfig.product" in text
    assert "set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/../common/manifest_product.py)" in text
    quiet = (COMMON / "sdkconfig.product").read_text()
    for option in ("ESP_CONSOLE_NONE", "BOOTLOADER_LOG_LEVEL_NONE", "LOG_DEFAULT_LEVEL_NONE", "ESP_SYSTEM_PANIC_SILENT_REBOOT"):
        assert f"CONFIG_{option}=y" in quiet
    folders = (PORT, PORT.parents[1] / "py", PORT.parents[1] / "shared" / "readline")
    sources = "\n".join(path.read_text() for folder in folders for path in [*folder.glob("*.c"), *folder.glob("*.h")])
    for macro in set_:
        assert f"#ifndef {macro}" in sources and re.search(rf"#if .*\b{macro}\b", sources), macro
    product = header_of(name)
    assert not re.search(r"(?m)^#define MICROPY_HW_(USB|ESP_USB)\w* \([^0]", product), "another way in"
    if loading.chip_of(BOARDS / name).usb:  # these have a USB device of their own, on by default
        for macro in ("ENABLE_USBDEV", "USB_CDC", "ESP_USB_SERIAL_JTAG"):
            assert f"#define MICROPY_HW_{macro} (0)" in product


GOOD = {"serial": "PL-7", "pilot": {"r3": 36100, "rail_mv": 3290}, "keys": {"CpoName": "A"},
        "csms": {"url": "wss://x/y", "security_profile": 2}, "mqtt": {"url": "mqtts://b.example", "password": "p"},
        "update": {"keys": ["04" + "41" * 64], "hosts": ["u.example"]}}
WRONG = (
    "", "[]", "null", "[" * 3000, {"serial": 5}, {"serial": "x" * 26}, {"pilot": []}, {"pilot": {"r3": "36000"}},
    {"pilot": {"r3": 0}}, {"pilot": {"rail": 3300}}, {"keys": []}, {"csms": {"security_profile": "2"}}, {"csms": {"url": 7}},
    {"mqtt": {}}, {"mqtt": {"url": ""}}, {"mqtt": {"url": 5}}, {"mqtt": []}, {"mqtt": {"url": "mqtts://b", "ca": 1}},
    {"keys": {"CpoName": 5}},
    {"update": {"keys": ["zz" * 65]}}, {"update": {"keys": "04"}}, {"update": {"hosts": [1]}}, {"update": {"hardware": -1}},
)


def test_what_board_py_says_of_contactor_and_divider_holds(tmp_path):
    """The reference's values are for what it does not say: an inverted output that became a plain one would close at reset."""
    name = "ESP32_DEVKITC"
    (tmp_path / "esp32_board.py").write_text((COMMON / "esp32_board.py").read_text())
    text = (BOARDS / name / "board.py").read_text()
    said = {"active": 0, "contact": "mirror", "close_ms": 30, "open_ms": 20}
    assert text.count('"feedback": ') == 1 and text.count('pilot={') == 1
    text = text.replace('"feedback": ', json.dumps(said)[1:-1] + ', "feedback": ').replace("pilot={", 'pilot={"r1": 150000, ')
    (tmp_path / "board.py").write_text(text)
    script = tmp_path / "show.py"
    script.write_text(loading.SHOW)
    done = subprocess.run([str(binary(32)), str(script), name], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
                          env={**environment(), "MICROPYPATH": f"{tmp_path}:firmware:.frozen"})
    [outlet] = json.loads(done.stdout.splitlines()[-1])["OUTLETS"]
    assert {key: outlet["contactor"][key] for key in said} == said
    assert (outlet["pilot"]["r1"], outlet["pilot"]["r2"]) == (150000, 47000)


def test_a_wrong_factory_file_counts_as_none(name, tmp_path):
    """SEC-13: boot.py needs the pins whatever the file says (CP-30); half of one is never believed."""
    script = tmp_path / "show.py"
    script.write_text(loading.SHOW)
    folder = tmp_path / "definition"
    folder.mkdir()
    file = tmp_path / "factory.json"
    source = (COMMON / "esp32_board.py").read_text()
    assert source.count('"/factory.json"') == 1
    (folder / "esp32_board.py").write_text(source.replace('"/factory.json"', repr(str(file))))
    (folder / "board.py").write_text((BOARDS / name / "board.py").read_text())

    def shown():
        done = subprocess.run([str(binary(32)), str(script), name], cwd=ROOT, capture_output=True, text=True, timeout=20,
                              env={**environment(), "MICROPYPATH": f"{folder}:firmware:.frozen"}, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        *said, data = done.stdout.splitlines()
        return said, json.loads(data)

    said, without = shown()
    assert said == []
    file.write_text(json.dumps(GOOD))
    said, board = shown()
    assert board["MQTT"] == {"url": "mqtts://b.example", "password": "p", "ca": None}
    assert said == [] and board["DEVICE"]["serial"] == "PL-7" and board["OUTLETS"][0]["pilot"]["r3"] == 36100
    for wrong in WRONG:
        file.write_text(wrong if isinstance(wrong, str) else json.dumps({**GOOD, **wrong}))
        said, board = shown()
        assert board == without and len(said) == 1 and "factory.json ignored" in said[0], wrong
