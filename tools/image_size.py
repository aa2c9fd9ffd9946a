"""Estimate the size of an ESP32 image, which takes the ESP-IDF to build: the port's own bytes and the frozen ones.

The port's bytes are an upper estimate from published sizes. MicroPython's stock image for the ESP32 has 1,712,512 bytes
(0x1A2180, mid 2024; built for speed, with Bluetooth). Building for size takes a tenth of it (196,704 of 1,833,328 bytes
measured for the ESP32-C3, micropython pull request 17994), Bluetooth another 190,000 to 250,000 (the controller's library
alone has 102,551). Of the modules that are frozen into it 15,686 bytes are counted (asyncio, umqtt.simple and the port's own; it
has more). What a board leaves out further is subtracted when its files say so; sizes without a source were measured on the
bare-metal target (RV32, built for size). Frozen bytes are counted by mpy-tool with boards/common/micropython.patch, which counts
what the original leaves out: pointers to names, tables of names and of children, tuples.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

PORT_BYTES = 1_712_512 * (1_833_328 - 196_704) // 1_833_328 - 190_000 - 15_686  # without Bluetooth and frozen modules
_PRODUCT = "product.cmake"
# part -> (how the file's name begins, option, its value where the part is left out, bytes that the image has less)
LEFT_OUT = {
    # Pull request 13640: 36,156 bytes of code and 4,376 of data, measured for the ESP32-S3.
    "PPP": ("sdkconfig", "CONFIG_LWIP_PPP_SUPPORT", "n", 40_532),
    # Pull request 12626: ESP32_GENERIC has 29,152 bytes less.
    "IPv6": ("sdkconfig", "CONFIG_LWIP_IPV6", "n", 29_152),
    # "like 25k" on the ESP8266 (issue 4092).
    "btree": ("mpconfigboard", "MICROPY_PY_BTREE", "0", 25_000),
    # tralamazza/micropython issue 96: 16,936 bytes with the virtual file system, which stays; taken low.
    "FAT": ("mpconfigboard", "MICROPY_VFS_FAT", "0", 8_000),
    # "approx 2K" on an STM32F091 (pull request 8756).
    "complex numbers": ("mpconfigboard", "MICROPY_PY_BUILTINS_COMPLEX", "0", 2_000),
    # 2,944 bytes on a SAMD21 (CircuitPython pull request 138).
    "regular expressions": ("mpconfigboard", "MICROPY_PY_RE", "0", 2_900),
    # Not published; the EMAC's driver, esp_eth and the PHYs' drivers, taken low.
    "LAN": ("mpconfigboard", "MICROPY_PY_NETWORK_LAN", "0", 12_000),
    "SPI Ethernet": ("sdkconfig", "CONFIG_ETH_USE_SPI_ETHERNET", "n", 12_000),
    "SD card": ("mpconfigboard", "MICROPY_HW_ENABLE_SDCARD", "0", 15_000),
    # py/emitnrv32.c, asmrv32.c and what they bring; the Xtensa's emitter is as large.
    "native code": ("mpconfigboard", "MICROPY_BOARD_WITHOUT_NATIVE_CODE", "1", 22_900),
    "deflate": ("mpconfigboard", "MICROPY_PY_DEFLATE", "0", 3_700),
    "uctypes": ("mpconfigboard", "MICROPY_PY_UCTYPES", "0", 3_350),
    # Lexer, parser, compiler, the loader of .mpy files, the prompt's help. Of the PRODUCT variant alone.
    "compiler": (_PRODUCT, "MICROPY_ENABLE_COMPILER", "0", 33_200),
}
LEAST_FREE_PRODUCT = 0.05  # of a slot: what an update may add before the partition table has to change
LEAST_FREE = 0.01  # of the plain image, which has the compiler and line numbers besides and is for development


def left_out(board: Path, product: bool = False) -> list[str]:
    """The parts of LEFT_OUT that a board leaves out: its own files decide, else those common to all boards."""
    return [part for part, (kind, option, value, _) in LEFT_OUT.items() if (product or kind != _PRODUCT)
            and (_value(board, kind, option) or _value(board.parent / "common", kind, option)) == value]


def _value(folder: Path, kind: str, option: str) -> str:
    """The value of an option in the files of a kind, "" for none."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob(kind + "*")) if path.is_file())
    found = re.findall(rf"^ *(?:{option}=|#define {option} \()(\w+)", text, re.M)
    return found[-1] if found else ""


def image_bytes(frozen_bytes: int, parts: Iterable[str] = (), port_bytes: int = PORT_BYTES) -> int:
    """Estimated size of an image with these frozen bytes, without these parts."""
    return port_bytes + frozen_bytes - sum(LEFT_OUT[part][3] for part in parts)


def partition_rows(board: Path) -> dict[str, int]:
    """Name of each partition -> its offset."""
    rows = csv.reader(line for line in (board / "partitions.csv").read_text().splitlines() if not line.startswith("#"))
    return {row[0].strip(): int(row[3].strip(), 0) for row in rows if len(row) > 4}


def slot_bytes(board: Path) -> int:
    """Size of the smallest application slot of a board's partition table."""
    rows = csv.reader(line for line in (board / "partitions.csv").read_text().splitlines() if not line.startswith("#"))
    sizes = [int(row[4].strip(), 0) for row in rows if len(row) > 4 and row[1].strip() == "app"]
    if not sizes:
        raise ValueError(f"{board.name}/partitions.csv has no application slot")
    return min(sizes)


def free_share(board: Path, frozen_bytes: int, product: bool = False) -> float:
    """The share of a board's slot that its estimated image leaves free."""
    slot = slot_bytes(board)
    return (slot - image_bytes(frozen_bytes, left_out(board, product))) / slot
