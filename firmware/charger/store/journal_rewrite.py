"""Rewriting of a journal's records in place, with their numbers kept, to erase data in them."""

import os
import struct

from charger.store.files import Files, checksum
from charger.store.journal import Journal


def rewrite(files: Files, folder: str, first: int, change: Callable) -> int:
    """Remove the records before number `first`, replace the others by change(data); return the number of those.

    The journal must not be open. A segment is replaced atomically, and may be processed again. OSError.
    """
    if folder not in [entry[0] for entry in os.ilistdir(files.root)]:
        return 0
    journal = Journal(files, folder)
    journal.trim(first)
    edges = sorted([int(name) for name in files.names(folder) if name.isdigit()])
    count = 0
    for number, begin in enumerate(edges):
        end = edges[number + 1] if number + 1 < len(edges) else journal.next_seq
        path = files.path("%s/%d" % (folder, begin))
        with open(path + ".new", "wb") as file:
            for seq, data in journal.records(begin):
                if seq >= end:
                    break
                data = change(data)
                key = struct.pack("<HI", len(data), seq)
                file.write(key + struct.pack("<I", checksum(key + data)) + data)
                count += 1
        os.rename(path + ".new", path)
    return count
