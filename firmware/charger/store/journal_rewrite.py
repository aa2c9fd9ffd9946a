"""A journal's records changed where they are, each keeping its number: for what must not be remembered any longer."""

import os
import struct

from charger.store.files import Files, checksum
from charger.store.journal import Journal


def rewrite(files: Files, folder: str, first: int, change) -> int:
    """Forget the records before number `first` and put change(data) in place of the others; how many those are.

    While nobody has the journal open. A segment is replaced as a whole or not at all, and may be done again. OSError.
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
