"""An attacker with a unit's flash in the hands: reads files, changes them, with and without a right checksum."""

import json

from provisioning import unit

_SCRIPT = """
import json, os
from charger.store.files import Files
files = Files("/flash")
given = json.loads(%r)

def walk(path):
    for entry in os.ilistdir(path):
        if entry[1] & 0x4000:
            walk(path + "/" + entry[0])
        else:
            found.append((path + "/" + entry[0])[7:])

found = []
walk("/flash")
for name, text in given.items():
    if "/" not in name or name[: name.index("/")] in [one[: one.index("/")] for one in found if "/" in one]:
        files.write(name, bytes.fromhex(text))
print("PROVISION " + json.dumps(sorted(found)))
"""


def names(folder, word=64):
    """Files on a stopped unit's flash, as "name" or "folder/name"."""
    return unit.state_directory(folder, word)._run(_SCRIPT % "{}")


def write(folder, contents, word=64):
    """Replace files {name: bytes}, each with the checksum that it should have."""
    unit.state_directory(folder, word)._run(_SCRIPT % json.dumps({name: data.hex() for name, data in contents.items()}))


def run(folder, script, word=64):
    """Any script that ends with a line "PROVISION " + JSON, on a stopped unit's flash; its object."""
    return unit.state_directory(folder, word)._run(script)
