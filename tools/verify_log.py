#!/usr/bin/env python3
"""Verify an uploaded security log (GetLog, SecurityLog): verify_log.py FILE [EARLIER ...] [--key HEX].

Each entry's line must say what its record says, the records must follow each other without a gap, each with the hash of the
one before it, and the last line must fit the rest. An EARLIER upload of the same unit must have the same records under the
same numbers. Who has the unit's log key (laboratory, forensics) can check the hashes themselves with --key.

Exit code: 0 nothing is wrong, 1 something was altered or is missing, 2 a file cannot be read as an upload.
"""

import argparse
import hashlib
import struct
import sys
from pathlib import Path

from cli import read_json

LINK = 8
HEAD = struct.Struct("<IIIHB")  # start-up, uptime s, UTC s (0: unknown), ms, length of the event's name


class NoLogError(Exception):
    """The file is not an upload of a security log."""


class Upload:
    """An uploaded log: `entries` as (number, line's object, record), `end`, and whether `end` has the hash of the lines."""

    def __init__(self, path):
        try:
            lines = [line for line in Path(path).read_bytes().split(b"\n") if line]
            rows = [read_json(line) for line in lines]
            self.end = rows.pop()["end"]
            self.entries = [(int(row["seq"]), row, bytes.fromhex(row["raw"])) for row in rows]
            self.span = (self.end["since"], self.end["until"])
            self.first, self.next, self.broken = self.end["first"], self.end["next"], self.end["broken"]
            said = self.end["sha256"]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise NoLogError(f"{path}: no uploaded security log ({error})") from None
        found = hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest()
        self.whole = found == said


def faults(upload, key=None):
    """A fault of an upload, in words."""
    found = []
    if not upload.whole:
        found.append("the hash in the last line is not that of the lines before")
    if upload.broken is not None:
        found.append(f"the unit itself found entry {upload.broken} altered or after a missing one")
    before = None
    keyed = False
    for number, row, record in upload.entries:
        found += [f"entry {number}: {text}" for text in mismatches(row, record)]
        if before is not None:
            if number != before[0] + 1 and (upload.span == (None, None) or number <= before[0]):
                found.append(f"entry {number} follows entry {before[0]}")
            elif number == before[0] + 1 and record[:LINK] != before[1][-LINK:]:
                found.append(f"entry {number} does not hold the hash of entry {before[0]}")
        if key is not None:
            if record[-LINK:] == link(key, number, record):
                keyed = True
            elif keyed or record[-LINK:] != link(b"", number, record):
                found.append(f"entry {number}: the hash is not the unit's")
        before = (number, record)
    return found + missing(upload)


def missing(upload):
    """The entries that a whole log announces and does not have."""
    numbers = [entry[0] for entry in upload.entries]
    if upload.span != (None, None) or upload.first == upload.next:
        return []
    if numbers and numbers[0] <= upload.first and numbers[-1] == upload.next - 1:
        return []
    return [f"entries {upload.first} to {upload.next - 1} are announced, not all are there"]


def mismatches(row, record):
    """The lines that do not match their record."""
    if len(record) < 2 * LINK + HEAD.size:
        return ["the record is too short"]
    boot, uptime_s, utc_s, _, length = HEAD.unpack_from(record, LINK)
    at = LINK + HEAD.size
    said = {
        "boot": boot, "uptime_s": uptime_s, "event": record[at : at + length].decode("utf-8", "replace"),
        "info": record[at + length : -LINK].decode("utf-8", "replace"), "genuine": True,
    }  # fmt: skip
    if utc_s:
        said["exact"] = True
    return [f"{field} is {row.get(field)!r}, by its record {value!r}" for field, value in said.items() if row.get(field) != value]


def link(key, number, record):
    """The hash at the end of a record."""
    return hashlib.sha256(key + struct.pack("<I", number) + record[:-LINK]).digest()[:LINK]


def differences(upload, earlier):
    """Entries that an earlier upload has with other contents."""
    known = {number: record for number, _, record in earlier.entries}
    return [
        f"entry {number} differs from the earlier upload"
        for number, _, record in upload.entries
        if known.get(number, record) != record
    ]


def main(arguments=None):
    """Verify; print what is wrong; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("earlier", nargs="*")
    parser.add_argument("--key", type=bytes.fromhex, help="the unit's log key, hexadecimal")
    options = parser.parse_args(arguments)
    try:
        upload = Upload(options.file)
        found = faults(upload, options.key)
        for path in options.earlier:
            found += differences(upload, Upload(path))
    except NoLogError as error:
        print(error, file=sys.stderr)
        return 2
    for text in found:
        print(text)
    if not found:
        print(f"{len(upload.entries)} entries, nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
