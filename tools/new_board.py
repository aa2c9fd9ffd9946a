#!/usr/bin/env python3
"""Make the folder of a new board: new_board.py asks what it is not told.

  tools/new_board.py
  tools/new_board.py ../MY_BOARD ...                 a folder elsewhere, given by a path with a /
  tools/new_board.py MY_BOARD --chip esp32c6 --flash 8 --model "My board" --meter bl0942 \\
      --pin PILOT_PWM=18 --pin PILOT_ADC=0 --pin CONTACTOR_OUT=2 --pin CONTACTOR_FEEDBACK=3 --pin METER_TX=6 --pin METER_RX=7

A definition that the checks refuse is not kept: the sentences say why, exit code 1. Exit code 2: the command line is wrong.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from board_definition import ethernet, loading, writing
from board_definition.chips import CHIPS
from board_definition.writing import Answers, WrongAnswerError
from cli import failed


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise WrongAnswerError(message[0].upper() + message[1:] + ".")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="new_board.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("name", nargs="?", help="name of the folder, capital letters, digits and _; with a / its path")
    parser.add_argument("--chip", choices=list(CHIPS))
    parser.add_argument("--model", help="what the label says, 20 characters at most count")
    parser.add_argument("--flash", type=int, choices=sorted(writing.SLOT_KIB), help="MiB of flash (default 4)")
    parser.add_argument("--psram", choices=("none", "quad", "octal"), help="(default none)")
    parser.add_argument("--amps", type=int, help="what contactor and wiring bear, per phase (default 16)")
    parser.add_argument("--phases", type=int, choices=(1, 3), help="(default 1)")
    parser.add_argument("--meter", choices=list(loading.meter_kinds()), help="(default ade7953_i2c)")
    parser.add_argument("--meter-option", action="append", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--house", choices=list(loading.meter_kinds()), help="input of the house's current (default none)")
    parser.add_argument("--reader", choices=list(loading.reader_kinds()), help="card reader (default serial_ascii)")
    parser.add_argument("--lan", choices=ethernet.KINDS, help="chip of the Ethernet (default none)")
    parser.add_argument("--pin", action="append", default=[], metavar="USE=GPIO",
                        help="uses: " + ", ".join([*writing.WHAT, "METER_, HOUSE_ and READER_ with their bus's names"]))
    return parser


def _pairs(texts: list[str], flag: str) -> dict[str, int]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not re.fullmatch(r"\d+", value):
            raise WrongAnswerError(f"{flag} must be NAME=NUMBER, not '{text}'.")
        if name in found:
            raise WrongAnswerError(f"{flag} {name} is given twice.")
        found[name] = int(value)
    return found


def _answers(given: argparse.Namespace) -> Answers:
    name = Path(given.name or "").name
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{2,31}", name):
        raise WrongAnswerError("The name must be 3 to 32 capital letters, digits and _.")
    answers = Answers(name, given.chip, given.model or name)
    for field, value in (("flash_mib", given.flash), ("psram", given.psram), ("max_amps", given.amps),
                        ("phases", given.phases), ("meter", given.meter), ("reader", given.reader), ("house", given.house),
                        ("lan", given.lan)):
        if value is not None:
            setattr(answers, field, value)
    if not answers.model.isprintable() or any(sign in answers.model for sign in '"\\'):
        raise WrongAnswerError('The model must have printable characters other than " and \\.')
    answers.pins = _pairs(given.pin, "--pin")
    answers.meter_options = _pairs(given.meter_option, "--meter-option")
    for name in answers.meter_options:
        if f"METER_{name.upper()}" in writing.meter_pins(answers.meter):
            raise WrongAnswerError(f"{name} is a pin of the meter: give it as --pin METER_{name.upper()}=GPIO.")
    known = {*writing.WHAT, *writing.meter_pins(answers.meter), *writing.meter_pins(answers.house, "HOUSE"),
             *writing.reader_pins(answers.reader)} - set(ethernet.WHAT)
    known |= {*ethernet.required(answers.lan), *ethernet.optional(answers.lan)}
    unknown = set(answers.pins) - known
    if unknown:
        raise WrongAnswerError(f"No part has the pin {', '.join(sorted(unknown))}.")
    return answers


def _upper(name: str) -> str:
    """The name of a folder in capital letters, its path left alone."""
    return name if "/" in name else name.upper()


def _ask(given: argparse.Namespace, ask: Callable[[str], str]) -> None:
    """Fill in what the command line left open; an empty answer leaves out what a board may do without."""
    given.name = given.name or _upper(ask("Name of the folder, as MY_BOARD: ").strip())
    while given.chip not in CHIPS:
        given.chip = ask(f"Chip ({', '.join(CHIPS)}): ").strip().lower()
    given.model = given.model or ask("Model, as the label says it: ").strip()
    kinds = loading.meter_kinds()
    while given.meter not in kinds:
        given.meter = ask(f"Meter ({', '.join(kinds)}) [ade7953_i2c]: ").strip() or "ade7953_i2c"
    reader_kinds = loading.reader_kinds()
    while given.reader not in reader_kinds:
        given.reader = ask(f"Card reader ({', '.join(reader_kinds)}) [serial_ascii]: ").strip() or "serial_ascii"
    while given.lan not in ethernet.KINDS:
        given.lan = ask(f"Ethernet ({', '.join(ethernet.KINDS)}) [none]: ").strip() or "none"
    known = _pairs(given.pin, "--pin")
    required = (*writing.REQUIRED, *writing.meter_pins(given.meter), *writing.meter_pins(given.house or "", "HOUSE"),
                *ethernet.required(given.lan))
    parts = (*writing.TOGETHER, writing.reader_pins(given.reader))
    for name in (*required, *(pin for part in parts for pin in part), *writing.OPTIONAL, *ethernet.optional(given.lan)):
        while name not in known:
            text = ask(f"GPIO of {name} ({writing.what(name)}){'' if name in required else ', Enter for none'}: ").strip()
            if text.isdigit():
                given.pin.append(f"{name}={text}")
                break
            if not text and name not in required:
                break


def main(words: list[str] | None = None, ask: Callable[[str], str] = input) -> int:
    """Exit code; `ask` prints its question and returns the answer."""
    try:
        given = _parser().parse_args(words)
        if given.chip is None or not given.pin:
            _ask(given, ask)
        elif given.reader and not any(pin.startswith("READER_") for pin in given.pin):
            raise WrongAnswerError(f"These pins are missing: {', '.join(writing.reader_pins(given.reader))}.")
        answers = _answers(given)
        where = Path(given.name).resolve().parent if "/" in given.name else loading.BOARDS
        files = writing.write(answers, where)
    except EOFError:
        print("new_board: --chip and --pin are needed without a terminal.", file=sys.stderr)
        return 2
    except WrongAnswerError as error:
        return failed("new_board", error, 2)
    except OSError as error:
        return failed("new_board", f"{given.name} cannot be written: {error.strerror}.", 2)
    folder = files[0].parent
    try:
        found = writing.faults(answers, loading.load(folder))
    except loading.DefinitionError as error:
        found = [str(error)]
    if found:
        shutil.rmtree(folder)
        print("\n".join(f"new_board: {sentence}" for sentence in found), file=sys.stderr)
        return 1
    shown = folder if "/" in given.name else f"boards/{answers.name}"
    print("\n".join(f"{shown}/{path.name}" for path in files))
    print(f"Try it: python3 tools/simulate.py --board {folder if '/' in given.name else answers.name} --state-dir state")
    return 0


if __name__ == "__main__":
    sys.exit(main())
