#!/usr/bin/env python3
"""Read back what was burned into a unit's fuses, and compare it with what a product has to have (docs/PRODUCTION.md).

  tools/fuses.py --board ESP32_S3_DEVKITC --port /dev/ttyUSB0
  tools/fuses.py --board ESP32_S3_DEVKITC --summary summary.json      of a unit whose download mode is gone already

Reads only; nothing here burns a fuse. espefuse.py can read them before download mode is disabled: its summary
(espefuse.py summary --format json) is taken then and kept with the unit's report. Exit code 0: all as required, 1: a fuse is
not, 2: it could not be read, with one sentence.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import device
from board_definition import loading
from cli import failed, read_json

# Chip -> fuse -> how it has to read: True for a bit, "odd" for a counter with an odd number of ones, which is "encrypts".
REQUIRED = {
    "esp32": {"ABS_DONE_1": True, "FLASH_CRYPT_CNT": "odd", "UART_DOWNLOAD_DIS": True, "JTAG_DISABLE": True},
    "esp32s2": {"SECURE_BOOT_EN": True, "SPI_BOOT_CRYPT_CNT": "odd", "DIS_DOWNLOAD_MODE": True, "HARD_DIS_JTAG": True},
    **{chip: {"SECURE_BOOT_EN": True, "SPI_BOOT_CRYPT_CNT": "odd", "DIS_DOWNLOAD_MODE": True, "DIS_PAD_JTAG": True,
              "DIS_USB_JTAG": True} for chip in ("esp32s3", "esp32c3", "esp32c6")},
}  # fmt: skip


def ones(value) -> int:
    """Ones of a counter, which espefuse.py gives as a number, or as the name of its meaning."""
    words = {"Disable": 0, "Enable": 1}
    if isinstance(value, str) and value in words:
        return words[value]
    return int(str(value), 0).bit_count()


def wrong(chip: str, summary: dict) -> list[str]:
    """A sentence for each fuse that is not as required."""
    found = []
    for name, wanted in REQUIRED[chip].items():
        if name not in summary:
            found.append(f"{name} is not in the summary.")
            continue
        value = summary[name]["value"]
        try:
            good = ones(value) % 2 == 1 if wanted == "odd" else value in (True, 1, "1")
        except ValueError:
            good = False
        if not good:
            meaning = "an odd number of ones" if wanted == "odd" else "1"
            found.append(f"{name} reads {value}, and has to be {meaning}.")
    return found


def read(chip: str, port: str) -> dict:
    """The summary of the chip at a port."""
    tool = shutil.which("espefuse.py") or shutil.which("espefuse")
    if tool is None:
        raise device.MissingError("espefuse.py is missing: it comes with the ESP-IDF, or by 'pip install esptool'.")
    done = subprocess.run([tool, "--chip", chip, "--port", port, "summary", "--format", "json"], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise device.MissingError(f"espefuse.py failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return parsed(done.stdout[done.stdout.find("{") :], "espefuse.py")


def parsed(text: str, source: str) -> dict:
    """The summary as a dictionary of fuses."""
    try:
        summary = read_json(text)
        if isinstance(summary, dict) and all(isinstance(fuse, dict) and "value" in fuse for fuse in summary.values()):
            return summary
    except ValueError:
        pass
    raise device.MissingError(f"{source} gave no summary in JSON.")


def main(words: list[str] | None = None) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(
        prog="fuses.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--board", default="")
    parser.add_argument("--port", default="")
    parser.add_argument("--summary", type=Path, help="a file with the summary that was read before")
    given = parser.parse_args(words)
    try:
        chip = loading.chip_of(device.board(given.board)).name
        summary = (parsed(given.summary.read_text(encoding="utf-8", errors="replace"), str(given.summary)) if given.summary
                   else read(chip, device.port(given.port)))
    except (device.MissingError, loading.DefinitionError) as error:
        return failed("fuses", error, 2)
    except OSError as error:
        return failed("fuses", f"{error.filename} cannot be read: {error.strerror}.", 2)
    found = wrong(chip, summary)
    for words in found or [f"All {len(REQUIRED[chip])} fuses of the {chip} are as required."]:
        print(words)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
