"""`os` of the simulator while a real board's file system is at /: the host's files, at /host, are in no listing.

Only --board puts this folder on the search path.
"""

import uos
from uos import *  # noqa: F403

_HOST = "host"


def ilistdir(path=""):
    """Entries of a folder; the root has none of the host's."""
    found = list(uos.ilistdir(path))
    if path in ("", "/"):
        found = [entry for entry in found if entry[0] != _HOST]
    return iter(found)


def listdir(path=""):
    """Names of a folder; the root has none of the host's."""
    return [entry[0] for entry in ilistdir(path)]
