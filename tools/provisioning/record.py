"""Credentials of one unit: the record that the unit gets, and the label that its owner gets. Standard library only.

Every secret comes from the operating system's generator (SEC-2); none has to do with the serial number or with another
secret. The record has no PIN, only what verifies it, made by hashlib as the unit's crypto/pbkdf2.py would.
"""

import hashlib
import importlib.util
import json
import secrets
import subprocess
from pathlib import Path

from board_definition import loading

ROOT = Path(__file__).resolve().parents[2]
PIN_DIGITS = 10
# Iterations that take about half a second on the chip: 0.16 ms each on an ESP32 at 240 MHz, 0.5 ms and more on a RISC-V chip
# at 160 MHz (estimated). --measure tells the figure of the very unit. The simulated board has the cost of a real one, not half
# a second of a PC.
_ITERATIONS = {"esp32": 3000, "esp32s2": 3000, "esp32s3": 3000, "esp32c3": 1000, "esp32c6": 1000}
LEAST_ITERATIONS, MOST_ITERATIONS = 1000, 10_000_000
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_PASSWORD = 20  # of 56 characters: 116 bits; OCPP allows 16 to 20 bytes (OCPP-6)


def iterations(board):
    """The cost of a PIN's check on this board, a folder of boards/ or a path with a /; the simulated one has none."""
    if board == loading.SIMULATED:
        return _ITERATIONS["esp32"]
    return _ITERATIONS[loading.chip_of(loading.choose(board, "--board", anywhere=True)).name]


def _rules():
    spec = importlib.util.spec_from_file_location(
        "pin_rules", ROOT / "firmware" / "charger" / "access" / "pin_rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw_pin(serial):
    """A PIN that the unit's own rules take."""
    rules = _rules()
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
        if not rules.why_not(pin, serial):
            return pin


def draw_password():
    """A password to be typed off a label."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_PASSWORD))


def verifier(pin, iterations):
    """The verifier of a PIN that the unit keeps."""
    salt = secrets.token_bytes(16)
    found = hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, iterations)
    return {"iterations": iterations, "salt": salt.hex(), "hash": found.hex()}


def _identity(serial):
    """The unit's TLS identity. Needs the environment of `make setup`, which need not be the one that runs us."""
    try:
        from . import identity
    except ImportError:
        python = ROOT / ".venv" / "bin" / "python"
        done = subprocess.run(
            [str(python), "-m", "provisioning.identity", serial], cwd=ROOT / "tools", capture_output=True, text=True,
            check=True, timeout=30)
        return json.loads(done.stdout)
    return identity.make(serial)


def make(serial, iterations):
    """(record for credentials/provisioning.py, label) of a new unit."""
    owner, installer = draw_pin(serial), draw_pin(serial)
    while installer == owner:
        installer = draw_pin(serial)
    setup, ocpp = draw_password(), draw_password()
    ssid = f"Pilotlight {serial[-21:]}"  # 32 bytes at most; the end is what tells units apart
    record = {
        "format": 1,
        "serial": serial,
        "device_key": secrets.token_hex(32),
        "pins": {"owner": verifier(owner, iterations), "installer": verifier(installer, iterations)},
        "ocpp_password": ocpp,
        "setup_ssid": ssid,
        "setup_password": setup,
        **_identity(serial),
    }
    label = {
        "serial": serial, "pin": owner, "installer_pin": installer, "setup_ssid": ssid, "setup_password": setup,
        "ocpp_password": ocpp, "qr": f"WIFI:T:WPA;S:{_escaped(ssid)};P:{_escaped(setup)};;",
    }
    return record, label


def _escaped(text):
    """As the Wi-Fi form of QR codes wants it."""
    return "".join("\\" + ch if ch in '\\;,":' else ch for ch in text)
