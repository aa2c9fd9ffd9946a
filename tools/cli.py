"""Shared by the tools of this folder: exit codes, and the kinds of arguments that they check.

Ctrl-C and a reader that went away (`| head`) are no failures with a traceback.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

INTERRUPTED = 130
MISTAKE = 2
_TOOL = Path(sys.argv[0] or "-").resolve()


def _without_package(kind, error, trace):
    """The sentence of a tool that was started with a Python without its packages."""
    if not issubclass(kind, ModuleNotFoundError):
        sys.__excepthook__(kind, error, trace)
        return
    print(f"{_TOOL.stem}: {error}. It needs the project's own Python: make setup, then .venv/bin/python.", file=sys.stderr)
    sys.stderr.flush()
    os._exit(MISTAKE)  # a hook cannot choose the exit code otherwise


if _TOOL.parent == Path(__file__).resolve().parent:
    sys.excepthook = _without_package


def exit_with(main):
    """Run main(words) and end with its exit code; 130 for Ctrl-C, 0 when the reader of the output has closed it."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end
        code = 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        code = INTERRUPTED
    sys.exit(code)


def failed(tool, error, code):
    """Say on stderr why the tool ends; the exit code."""
    print(f"{tool}: {error}", file=sys.stderr)
    return code


def in_range(low: float, high: float, kind: type = int) -> Callable[[str], float]:
    """An argparse type: an integer, or with kind=float any number, from low to high."""

    def checked(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is no {'whole ' if kind is int else ''}number from {low:g} to {high:g}")
        return value

    return checked


def output_file(text: str) -> Path:
    """An argparse type: a file that can be written when the tool has done its work, which may take minutes."""
    path = Path(text)
    place = path if path.exists() else path.parent
    if path.is_dir() or not place.exists() or not os.access(place, os.W_OK) or str(path.absolute()).startswith("/proc/"):
        raise argparse.ArgumentTypeError(f"'{text}' cannot be written")
    return path


def read_json(text: str | bytes):
    """The value of a JSON text; ValueError for anything else, one that is nested too deeply included."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
