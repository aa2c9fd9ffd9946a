#!/usr/bin/env python3
"""Say what is wrong with a board's definition, one sentence a line: check_board.py [NAME ...], all boards without a name.

A NAME with a / is the path of a board's folder that is not in boards/.

Exit code 0: nothing; 1: something is wrong; 2: there is no such board.
"""

import argparse
import sys

from board_definition import build_files, checks, loading
from cli import failed


def sentences(name: str) -> list[str]:
    """The faults of a board's data or, without any, of the files beside them."""
    folder = loading.choose(name, "NAME", anywhere=True)
    data = loading.load(folder)
    chip = loading.chip_of(folder)
    return checks.check(folder.name, data, chip) or build_files.faults(folder, data, chip)


def main(words: list[str]) -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(prog="check_board.py", description="Say what is wrong with a board's definition.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a folder of boards/, or a path with a / (default: all)")
    code = 0
    for name in parser.parse_args(words).names or loading.names():
        try:
            found = sentences(name)
        except loading.DefinitionError as error:
            return failed("check_board", error, 2)
        for sentence in found:
            print(f"{name}: {sentence}")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
