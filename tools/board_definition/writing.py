"""The files of a new board's folder, written from a few answers: chip, flash, currents, pins, meter.

Pins have the names of pins.csv. What is not asked has the value of the reference boards and is changed in board.py.
"""

from dataclasses import dataclass, field
from pathlib import Path

from board_definition import checks, ethernet, keys
from board_definition.chips import CHIPS, Chip
from board_definition.loading import ROOT, meter_kinds, reader_kinds

REQUIRED = ("PILOT_PWM", "PILOT_ADC", "CONTACTOR_OUT", "CONTACTOR_FEEDBACK")
# pins of the same part: all of them or none
TOGETHER = (("RCD_TRIP", "RCD_TEST"), ("LOCK_OUT", "LOCK_FEEDBACK"))
OPTIONAL = ("PROXIMITY_ADC", "NTC_ADC", "FAULT_INPUT_PIN", "TAMPER", "BUTTON", "LED", "PIXEL", "FAULT", "RAILS")
WHAT = {
    "PILOT_PWM": "pilot PWM, 1 kHz, into the +-12 V stage", "PILOT_ADC": "pilot voltage, behind the divider below",
    "CONTACTOR_OUT": "contactor, 1 = close", "CONTACTOR_FEEDBACK": "auxiliary contact, 1 = closed",
    "RCD_TRIP": "residual current detector tripped, 1 = tripped", "RCD_TEST": "residual current detector, self-test",
    "LOCK_OUT": "lock of the socket, 1 = lock", "LOCK_FEEDBACK": "contact of the lock, 1 = locked",
    "PROXIMITY_ADC": "proximity contact of the socket, 1 kohm to 3.3 V", "NTC_ADC": "NTC at the terminals, 10 kohm, B 3950",
    "FAULT_INPUT_PIN": "fault of this outlet, 1 = fault", "TAMPER": "tamper switch, 1 = lid open",
    "BUTTON": "button, 0 = pressed", "LED": "status LED, 1 = on", "PIXEL": "WS2812 as status LED",
    "FAULT": "fault of the board, 1 = fault", "RAILS": "+-12 V out of range, 1 = out of range",
    **ethernet.WHAT,
}  # fmt: skip
_PARTS = {"READER": "card reader", "HOUSE": "input of the house's current"}
SLOT_KIB = {4: 1728, 8: 2048, 16: 2048}
_SDKCONFIG = {
    "esp32": ("boards/sdkconfig.240mhz",), "esp32s2": ("boards/sdkconfig.240mhz",), "esp32s3": ("boards/sdkconfig.240mhz",),
    "esp32c3": (), "esp32c6": ("boards/sdkconfig.c6",),
}  # fmt: skip
# chip -> kind of PSRAM -> files of the port; the others have none
_PSRAM = {
    "esp32": {"quad": ("boards/sdkconfig.spiram",)},
    "esp32s2": {"quad": ("boards/sdkconfig.spiram_sx",)},
    "esp32s3": {
        "quad": ("boards/sdkconfig.spiram_sx",), "octal": ("boards/sdkconfig.spiram_sx", "boards/sdkconfig.spiram_oct"),
    },
}  # fmt: skip
_SPARE, _KEYS = 0x32000, 0x1000


def what(name: str) -> str:
    """The purpose of a pin of this name, in words."""
    part, _, line = name.partition("_")
    return WHAT.get(name) or f"{_PARTS.get(part, 'meter')}, {line}"


class WrongAnswerError(Exception):
    """An answer that cannot be taken; the message is one sentence."""


@dataclass
class Answers:
    """The answers about the new board."""

    name: str
    chip: str
    model: str
    flash_mib: int = 4
    psram: str = "none"
    max_amps: int = 16
    phases: int = 1
    meter: str = "ade7953_i2c"
    reader: str = "serial_ascii"
    lan: str = "none"
    house: str = ""  # driver of an input of the house's current
    meter_options: dict = field(default_factory=dict)
    pins: dict[str, int] = field(default_factory=dict)


def meter_pins(kind: str, part: str = "METER") -> tuple[str, ...]:
    """Names of the pins that a meter driver needs, none without a driver."""
    if not kind:
        return ()
    bus = meter_kinds()[kind][0]
    return tuple(f"{part}_{name.upper()}" for name in (*keys.BUS_PINS[bus], *keys.OWN_PINS.get(bus, ())))


def reader_pins(kind: str) -> tuple[str, ...]:
    """Names of the pins that a card reader driver needs, all of them or, on a board without a reader, none."""
    bus = reader_kinds()[kind][0]
    return tuple(f"READER_{name.upper()}" for name in (*keys.BUS_PINS[bus], *keys.OWN_PINS.get(bus, ())))


def missing(answers: Answers) -> list[str]:
    """Names of pins without which the board cannot be."""
    wanted = [*REQUIRED, *meter_pins(answers.meter), *meter_pins(answers.house, "HOUSE"), *ethernet.required(answers.lan)]
    for part in (*TOGETHER, reader_pins(answers.reader)):
        if any(name in answers.pins for name in part):
            wanted += part
    return [name for name in wanted if name not in answers.pins]


def board_py(answers: Answers) -> str:
    """board.py, as the reference boards have it."""
    pins = answers.pins

    def part(form: str, *names: str) -> str:
        return form.format(*(pins[name] for name in names)) if names[0] in pins else ""

    buses = _bus_numbers(answers, CHIPS[answers.chip])
    parts = {
        "rcd": part('{{"trip": {}, "test": {}}}', "RCD_TRIP", "RCD_TEST"),
        "lock": part('{{"out": {}, "feedback": {}, "move_ms": 500}}', "LOCK_OUT", "LOCK_FEEDBACK"),
        "proximity": part('{{"adc": {}, "pullup": 1000, "rail_mv": 3300}}', "PROXIMITY_ADC"),
        "ntc": part('{{"adc": {}}}', "NTC_ADC"),
        "fault_input": part('{{"pin": {}}}', "FAULT_INPUT_PIN"),
        "reader": _reader(answers, buses.get("READER")),
    }
    given = "".join(f"        {name}={text},\n" for name, text in parts.items() if text)
    lan = ethernet.board_py(answers.lan, pins, buses.get("LAN"))
    shared = ", ".join(f'"{name.lower()}": {pins.get(name)}' for name in ("TAMPER", "BUTTON", "LED", "PIXEL", "FAULT", "RAILS"))
    return f'''"""{answers.model} with the wiring of board.md, as plain data; boards/SIM/board.py explains every name."""

from esp32_board import *  # the names that all ESP32 boards share

NAME = "{answers.name}"
OUTLETS: "tuple[dict, ...]" = (
    outlet(
        max_da={answers.max_amps * 10},
        phases={answers.phases},
        pilot={{"pwm": {pins["PILOT_PWM"]}, "adc": {pins["PILOT_ADC"]}}},
        contactor={{"out": {pins["CONTACTOR_OUT"]}, "feedback": {pins["CONTACTOR_FEEDBACK"]}}},
{given}        meter={_driver(answers, answers.meter, "METER", buses.get("METER"), answers.meter_options)},
    ),
)
{_house(answers, buses.get("HOUSE"))}SHARED: "dict[str, int | None]" = {{{shared}}}
{lan}HEAP_GROWS = {answers.psram == "none"}  # mpconfigboard.h fixes the heap's size where it lies in PSRAM
DEVICE, CSMS, UPDATE = unit_data(NAME, "{answers.model[:20]}")
'''


def _bus_numbers(answers: Answers, chip: Chip) -> dict[str, int]:
    """Numbers of the buses of METER, HOUSE, READER and LAN: each its own where one is free, the meter's for those on its pins."""
    pools = {"uart": chip.uarts, "i2c": chip.i2c, "spi": chip.spi[::-1]}
    parts = {"METER": meter_kinds()[answers.meter][0], "LAN": "spi" if answers.lan == "w5500" else ""}
    if answers.house:
        parts["HOUSE"] = meter_kinds()[answers.house][0]
    if reader_pins(answers.reader)[0] in answers.pins:
        parts["READER"] = reader_kinds()[answers.reader][0]
    found: dict[str, int] = {}
    for part in ("METER", "HOUSE", "READER", "LAN"):
        bus = parts.get(part)
        if bus not in pools:
            continue
        taken = {found[other] for other in found if parts[other] == bus}
        free = [number for number in pools[bus] if number not in taken] or pools[bus]
        on_meters = part != "METER" and parts["METER"] == bus and _shares(answers, part, bus)
        found[part] = found["METER"] if on_meters else free[0 if part == "METER" else -1]
    return found


def _shares(answers: Answers, part: str, bus: str) -> bool:
    """True for a part with the meter's pins of a bus that several parts may be on."""
    return bus in ("i2c", "spi") and all(
        answers.pins.get(f"{part}_{name.upper()}") == answers.pins.get(f"METER_{name.upper()}") for name in keys.BUS_PINS[bus])


def _reader(answers: Answers, number: int | None) -> str:
    """The reader's data, "" on a board without one; on I2C it may be on the meter's bus."""
    if number is None:
        return ""
    bus, bounds = reader_kinds()[answers.reader]
    options: dict = {} if answers.reader == "serial_ascii" else {"kind": answers.reader}
    options["uart" if bus == "uart" else "bus"] = number
    options |= {name.removeprefix("READER_").lower(): answers.pins[name] for name in reader_pins(answers.reader)}
    if "address" in bounds:
        options["address"] = bounds["address"][0]
    return repr(options).replace("'", '"')


def _house(answers: Answers, number: int | None) -> str:
    """The line of the house's input, "" without one; with the meter's pins on its bus, at an ADE7953 as its channel B."""
    kind = answers.house
    if not kind:
        return ""
    channel_b = kind == answers.meter == "ade7953_i2c" and _shares(answers, "HOUSE", "i2c")
    return f"HOUSE = {_driver(answers, kind, 'HOUSE', number, {'channel': 'B'} if channel_b else {})}\n"


def _driver(answers: Answers, kind: str, part: str, number: int | None, more: dict) -> str:
    """(driver, options) of a meter as board.py has it."""
    options: dict = {} if number is None else {"bus": number}
    for name in meter_pins(kind, part):
        options[name.removeprefix(part + "_").lower()] = answers.pins[name]
    if kind == "ade7953_i2c":
        options["address"] = 0x38
    options |= more
    return f'("{kind}", {options!r})'.replace("'", '"')


def partitions_csv(answers: Answers) -> str:
    """Two equal slots, the file system, its spare blocks and the keys of an encrypted NVS at the end."""
    slot = SLOT_KIB[answers.flash_mib] * 1024
    end = answers.flash_mib * 1024 * 1024
    vfs = 0x10000 + 2 * slot
    size = end - _KEYS - _SPARE - vfs
    return f"""# {answers.flash_mib} MiB of flash: two equal slots for updates, the rest for what the charger remembers.
# The offset of the table itself (0x8000) is the ESP-IDF's default. App slots start on multiples of 64 KiB.
# nvs_keys holds the keys of an encrypted NVS (CONFIG_NVS_ENCRYPTION); it stays empty in a build without.
# spare holds erased blocks for vfs, so that nothing is erased while a contactor is closed (drivers/erase_ahead.py).
# Name,   Type, SubType,  Offset,   Size,     Flags
nvs,      data, nvs,      0x9000,   0x4000,
otadata,  data, ota,      0xd000,   0x2000,
phy_init, data, phy,      0xf000,   0x1000,
ota_0,    app,  ota_0,    0x10000,  0x{slot:x},
ota_1,    app,  ota_1,    0x{0x10000 + slot:x}, 0x{slot:x},
vfs,      data, fat,      0x{vfs:x}, 0x{size:x},
spare,    data, 0x40,     0x{vfs + size:x}, 0x{_SPARE:x},
nvs_keys, data, nvs_keys, 0x{end - _KEYS:x}, 0x{_KEYS:x},   encrypted
"""


def _psram_files(answers: Answers) -> tuple[str, ...]:
    return () if answers.psram == "none" else _PSRAM[answers.chip][answers.psram]


def mpconfigboard_cmake(answers: Answers) -> str:
    """The file that the port's CMakeLists.txt includes."""
    chip = CHIPS[answers.chip]
    target = "" if chip.name == "esp32" else f"set(IDF_TARGET {chip.name})\n"
    files = " ".join(("boards/sdkconfig.base", *_SDKCONFIG[chip.name], *_psram_files(answers)))
    return f"""{target}set(SDKCONFIG_DEFAULTS {files})
include(${{MICROPY_BOARD_DIR}}/../common/mpconfigboard_common.cmake)
"""


def mpconfigboard_h(answers: Answers) -> str:
    """Names and contactor pins; the rest is common to all boards."""
    heap = """
// The heap lies in the PSRAM and is as large from the start on as it has to be, so that it never grows: a collection
// takes longer the larger the heap is, and has to stay below 15 ms (boards/ESP32_S3_DEVKITC/board.md has the figures).
#define MICROPY_GC_INITIAL_HEAP_SIZE (256 * 1024)
"""
    return f"""#define MICROPY_HW_BOARD_NAME "Pilotlight {answers.model}"
#define MICROPY_HW_MCU_NAME "{answers.chip.upper()}"
#define PILOTLIGHT_CONTACTOR_PINS {{{answers.pins["CONTACTOR_OUT"]}}}
#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {{0}}
{ethernet.mpconfigboard_h(answers.lan)}{"" if answers.psram == "none" else heap}
#include "../common/mpconfigboard_common.h"
"""


def sdkconfig_board(answers: Answers) -> str:
    """Flash size, partition table and console."""
    size = answers.flash_mib
    lines = [f"# {size} MiB of flash, with this board's own partition table (mpconfigboard.cmake adds its path)"]
    if size != 4:
        lines.append("CONFIG_ESPTOOLPY_FLASHSIZE_4MB=n")
    lines += [f"CONFIG_ESPTOOLPY_FLASHSIZE_{size}MB=y", "CONFIG_PARTITION_TABLE_CUSTOM=y"]
    if CHIPS[answers.chip].usb:
        lines += ["", "# The console is the UART, never the chip's own USB", "CONFIG_ESP_CONSOLE_SECONDARY_NONE=y"]
    return "\n".join(lines + ethernet.sdkconfig_board(answers.lan)) + "\n"


def board_md(answers: Answers) -> str:
    """The wiring table and the divider's figures; the rest is the reference board's."""
    template = (ROOT / "boards" / "ESP32_DEVKITC" / "board.md").read_text(encoding="utf-8")
    divider = template[template.index("## Pilot divider") : template.index("## Flash")]
    divider = divider.replace("GPIO34", f"GPIO{answers.pins['PILOT_ADC']}")
    lowest, highest = CHIPS[answers.chip].adc_mv
    start = divider.index("The ADC at 11 dB")
    end = divider.index("220 pF at the node")
    divider = divider[:start] + f"The ADC at its greatest attenuation is linear from {lowest} to {highest} mV. " + divider[end:]
    rows = [f"| GPIO{pin} | {what(name)} |" for name, pin in answers.pins.items()]
    supervisor = {
        "fsm": "The chip has the FSM co-processor. No program is loaded into it; docs/SAFETY.md, \"The co-processor's program\", "
        "says for which chips there is one and how `python -m ulp.assemble` and `COPROCESSOR` in board.py bring it to a board.",
        "riscv": "The chip's co-processor is a RISC-V core, for which there is no supervisor: while Python is held up (a garbage "
        "collection), only the hardware and the watchdog open the contactor. A TLS handshake takes place only while it is open.",
        None: "The chip has no co-processor: while Python is held up (a garbage collection), only the hardware and "
        "the watchdog open the contactor. A TLS handshake takes place only while it is open.",
    }[CHIPS[answers.chip].ulp]
    table = "\n".join(rows)
    return f"""# {answers.model}

One outlet of {answers.phases} phase(s), {answers.max_amps} A, on an {answers.chip} with {answers.flash_mib} MiB of flash.
`board.py` holds the same facts for the firmware, `pins.csv` for the port's `Pin.board`; a house test holds the three together.
Nothing here has run on a board yet; tools/check_board.py has checked pins and configuration.

This is a bench and development wiring. Contactor, residual current device, protective earth and enclosure of a charger
that is used with mains are the builder's responsibility and need a qualified person.

## Pins

| Pin | Use |
|---|---|
{table}

{supervisor}

Pull resistors, capacitors and the reasons for them are those of [the ESP32-DevKitC](../ESP32_DEVKITC/board.md), which also
says how the firmware is built, written, started and updated.

{divider}"""


def write(answers: Answers, boards: Path) -> list[Path]:
    """Write the folder of a new board and return its files; WrongAnswerError when it exists or a pin is missing."""
    folder = boards / answers.name
    if folder.exists():
        raise WrongAnswerError(f"{folder} exists already.")
    if answers.psram != "none" and answers.psram not in _PSRAM.get(answers.chip, ()):
        raise WrongAnswerError(f"There is no {answers.chip} with {answers.psram} PSRAM.")
    lacking = missing(answers)
    if lacking:
        raise WrongAnswerError(f"These pins are missing: {', '.join(lacking)}.")
    product = (ROOT / "boards" / "ESP32_DEVKITC" / "mpconfigvariant_PRODUCT.cmake").read_text(encoding="utf-8")
    pins = answers.pins | ethernet.fixed_pins(answers.lan, CHIPS[answers.chip])
    files = {
        "board.py": board_py(answers), "partitions.csv": partitions_csv(answers), "sdkconfig.board": sdkconfig_board(answers),
        "mpconfigboard.cmake": mpconfigboard_cmake(answers), "mpconfigboard.h": mpconfigboard_h(answers),
        "mpconfigvariant_PRODUCT.cmake": product, "board.md": board_md(answers),
        "pins.csv": "".join(f"{name},GPIO{pin}\n" for name, pin in pins.items()),
    }  # fmt: skip
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def faults(answers: Answers, data: dict) -> list[str]:
    """The faults that checks.py finds in the board as it was written."""
    chip = CHIPS[answers.chip]
    return checks.check(answers.name, data, chip if answers.psram == "none" else chip.with_psram())
