# Whatever the charge point says in a unit test is written down, for pytest to hand it to the strict validators afterwards.
import json
import os

_FOLDER = os.getenv("TEST_FOLDER")


def note(kind, action, payload):
    """A CALL (2) that it sent, or the payload of its answer (3) to one."""
    if _FOLDER:
        with open(_FOLDER + "/frames.jsonl", "a") as file:
            json.dump([kind, action, payload], file)
            file.write("\n")
