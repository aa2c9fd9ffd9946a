"""Units made by the provisioning tool: their labels, their secrets, and where in a state directory these could be read."""

import base64
import json
import subprocess
import sys

from provisioning import record, unit

from backend.simulator import ROOT
from backend.waiting import wait_until

PROVISION = ROOT / "tools" / "provision.py"
SECRETS = ("pin", "installer_pin", "setup_password", "ocpp_password")
OPERATOR_PASSWORD = "given-by-operator"  # 17 characters: no hexadecimal, so the password itself


def printed_labels(sim):
    """Labels that were printed, oldest first."""
    return [json.loads(line)["label"] for line in sim.log_lines() if line.startswith('{"label": ')]


def labels(sim):
    """The same, of a unit that was made at this launch: what it printed may take a moment to arrive."""
    wait_until(lambda: printed_labels(sim), 10, "the label")
    return printed_labels(sim)


def basic_auth(sim, password):
    return "Basic " + base64.b64encode(f"{sim.identity}:{password}".encode()).decode()


def provision(*words):
    """Run the tool; the finished process."""
    return subprocess.run([sys.executable, str(PROVISION), *map(str, words)], cwd=ROOT, capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)


def encodings(secret):
    """The forms of a secret in a file: as it is, hexadecimal, base64."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]


def readable_secrets(folder, secrets, but=()):
    """(file, secret) of everything that can be read in a directory."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in but}
    assert len(files.get("flash.bin", b"")) > 1_000_000
    return [(name, secret) for name, data in files.items() for secret in secrets if any(f in data for f in encodings(secret))]


def make_unit(folder, serial="PL-4711", word=64, **again):
    """Provision a state directory by hand; its record and label."""
    made, label = record.make(serial, record.iterations("SIM"))
    folder.mkdir(parents=True, exist_ok=True)
    unit.state_directory(folder, word).write(made, again=bool(again))
    return made, label


def private_scalar(made):
    """The 32 bytes of the page's private key, out of its SEC1 form."""
    der = bytes.fromhex(made["web_key"])
    at = der.index(b"\x04\x20") + 2
    return der[at : at + 32]
