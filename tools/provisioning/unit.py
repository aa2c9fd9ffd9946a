"""The unit's end of provisioning: the firmware's own code, run on the unit, writes the record (no second implementation).

A unit is a simulator's state directory, whose flash is opened by MicroPython's unix port, or a board behind mpremote.
What runs there is a script that holds the record; it lies in a file of its own that only we can read, and is gone
afterwards. No secret is in a command line.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MARK = "PROVISION "
_TIMEOUT_S = 120
_LEAST_MS, _WANTED_MS = 20, 500

# In front of the rest on a state directory: the board's flash and NVS are files there.
_SIM = """
from sim import flash, launch
launch.config["state_dir"] = %(folder)r
flash.mount(%(folder)r + "/flash.bin")
"""
# On a board: main.py was interrupted, its watchdog goes on.
_BOARD = """
from machine import WDT
WDT(timeout=8000).feed()
"""
_WRITE = """
import json, sys
import board
from esp32 import NVS
from charger.drivers.keystore import KeyStore
from charger.credentials import provisioning
from charger.store.files import Files
from charger.errors import InvalidValueError
from charger.store.safety_value import FOLDER
from charger.update import BROKEN, IMAGE

def factory(serial):
    # The serial number for the board's data; a password that lay there in plain sight has served its time.
    path = getattr(board, "FACTORY_FILE", None)
    if path is None:
        return
    import os
    try:
        with open(path) as file:
            known = json.load(file)
    except (OSError, ValueError):
        known = {}
    known["serial"] = serial
    known.get("csms", {}).pop("basic_auth_password", None)
    with open(path + ".new", "w") as file:
        json.dump(known, file)
    os.rename(path + ".new", path)

def forget_image(files):
    # Hash of the image that ran so far, and mark of an altered one: the factory may write another image.
    nvs = NVS("pilotlight")
    for name in (IMAGE, BROKEN):
        try:
            nvs.erase_key(name)
        except OSError:
            pass  # not there
        for copy in ("1", "2", "next"):
            files.delete("%%s/slot_%%s.%%s" %% (FOLDER, name, copy))
    nvs.commit()

def run():
    record = json.loads(%(record)r)
    store, files = KeyStore(), Files(board.FLASH_ROOT)
    try:
        provisioning.write(record, files, store, %(again)r)
        factory(record["serial"])
        forget_image(files)
        store.seal(record["serial"])
        return ""
    except provisioning.AlreadyProvisionedError:
        return "it is provisioned already; --again gives it new credentials and makes its label void"
    except (InvalidValueError, OSError, ValueError) as error:
        return "%%s: %%s" %% (type(error).__name__, error)

print("PROVISION " + json.dumps(run()))
"""
_MEASURE = """
import json
from time import ticks_diff, ticks_us
from charger.crypto import pbkdf2
from charger.runtime import cooperative

def took(iterations):
    start = ticks_us()
    cooperative.run_now(pbkdf2.derive(b"12345678", b"s" * 16, iterations))
    return ticks_diff(ticks_us(), start)

took(100)
print("PROVISION " + json.dumps(min(took(%(count)d) for _ in range(3))))
"""


class Failed(Exception):
    """The unit did not do it; the message says why. It never holds a secret."""


class Unit:
    """Something that runs scripts: `command` takes the path of one as its last word."""

    def __init__(self, command, before, environment=None):
        self._command = command
        self._before = before
        self._environment = environment

    def _run(self, script):
        folder = tempfile.mkdtemp()  # for our eyes only, and of our own: the interpreter imports from a script's folder first
        path = os.path.join(folder, "script.py")
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(self._before + script)
            done = subprocess.run([*self._command, path], env=self._environment, capture_output=True, text=True,
                                  check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"the unit cannot be reached: {type(error).__name__}") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        for line in done.stdout.splitlines():
            if line.startswith(_MARK):
                return json.loads(line.removeprefix(_MARK))
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word from it"]
        raise Failed(f"the unit did not answer: {words[-1]}")

    def write(self, record, again):
        """Give the unit its credentials; Failed when it has some, or cannot keep them."""
        fault = self._run(_WRITE % {"record": json.dumps(record), "again": again})
        if fault:
            raise Failed(f"not provisioned: {fault}")

    def measure(self):
        """Iterations of PBKDF2 that take half a second on this unit."""
        count, took_us = 250, 0
        while took_us < _LEAST_MS * 1000:
            count *= 2
            took_us = self._run(_MEASURE % {"count": count})
        return count * _WANTED_MS * 1000 // took_us


def state_directory(folder, word=64):
    """A simulator's. The caller holds its lock."""
    interpreter = ROOT / ".toolchain" / f"micropython{word}"
    path = ":".join(str(part) for part in (ROOT / "boards" / "SIM", ROOT / "firmware")) + ":.frozen"
    environment = {"MICROPYPATH": path, "PATH": os.environ.get("PATH", "")}
    return Unit([str(interpreter)], _SIM % {"folder": str(folder)}, environment)


def board(port, resume=False):
    """A board on a serial port; `resume`: without the soft reset that ends a firmware which runs there."""
    return Unit([sys.executable, "-m", "mpremote", "connect", port, *(["resume"] if resume else []), "run"], _BOARD)
