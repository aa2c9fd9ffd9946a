"""Ethernet of a new board: its pins, its data in board.py and its lines in the build files (docs/PARTS.md)."""

from board_definition import keys
from board_definition.chips import Chip

KINDS = ("none", *keys.LAN)
WHAT = {
    "LAN_MDC": "Ethernet, management clock", "LAN_MDIO": "Ethernet, management data",
    "LAN_REF_CLK": "Ethernet, 50 MHz: 0, 16 or 17 from the chip; 0 from the PHY's oscillator, with LAN_POWER",
    "LAN_POWER": "Ethernet, power of the PHY or of its oscillator, 1 = on", "LAN_RESET": "Ethernet, reset, 0 = reset",
    "LAN_SCK": "Ethernet, SPI clock", "LAN_MOSI": "Ethernet, SPI data out", "LAN_MISO": "Ethernet, SPI data in",
    "LAN_CS": "Ethernet, chip select", "LAN_INT": "Ethernet, interrupt of the W5500",
}  # fmt: skip
_REQUIRED = {
    "none": (), "lan8720": ("LAN_MDC", "LAN_MDIO", "LAN_REF_CLK"),
    "w5500": ("LAN_SCK", "LAN_MOSI", "LAN_MISO", "LAN_CS", "LAN_INT"),
}  # fmt: skip
_OPTIONAL = {"none": (), "lan8720": ("LAN_POWER", "LAN_RESET"), "w5500": ("LAN_RESET",)}
_PHY_ADDRESS = 1  # of most modules with a LAN8720; changed in board.py


def required(kind: str) -> tuple[str, ...]:
    """Names of the pins that this chip needs."""
    return _REQUIRED[kind]


def optional(kind: str) -> tuple[str, ...]:
    """Names of the pins that it may have."""
    return _OPTIONAL[kind]


def fixed_pins(kind: str, chip: Chip) -> dict[str, int]:
    """Pins that the MAC of the chip takes without a choice, by the names of pins.csv."""
    return {f"LAN_{name.upper()}": pin for name, pin in chip.rmii.items()} if kind == "lan8720" else {}


def board_py(kind: str, pins: dict[str, int], number: int | None) -> str:
    """The line of board.py, "" without Ethernet. `number`: of the W5500's SPI bus."""
    if kind == "none":
        return ""
    options: dict = {"kind": kind}
    if kind == "w5500":
        options["bus"] = number
    else:
        options |= {"address": _PHY_ADDRESS, "clock": "input" if "LAN_POWER" in pins else "output"}
    names = (*_REQUIRED[kind], *_OPTIONAL[kind])
    options |= {name.removeprefix("LAN_").lower(): pins[name] for name in names if name in pins}
    return f"LAN = {options!r}\n".replace("'", '"')


def mpconfigboard_h(kind: str) -> str:
    """The line before the #include, "" without Ethernet."""
    return "" if kind == "none" else "#define MICROPY_PY_NETWORK_LAN (1)\n"


def sdkconfig_board(kind: str) -> list[str]:
    """Lines of sdkconfig.board."""
    if kind != "w5500":
        return []
    return ["", "# Ethernet by a W5500", "CONFIG_ETH_USE_SPI_ETHERNET=y", "CONFIG_ETH_SPI_ETHERNET_W5500=y"]
