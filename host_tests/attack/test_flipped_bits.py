"""A flash that was altered by a single bit, anywhere in the vault or in the security log: it shows (SEC-10, SEC-23)."""

import json
import os
import random

import pytest

from backend.waiting import wait_until
from sim.provisioned_units import make_unit

from . import on_flash

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
STRIDE = 16 if SOAK else 53  # of the vault's bits in one go
LOG_FLIPS = 2000 if SOAK else 60

# Every bit of every file in the vault, of the file as it lies there (its own checksum breaks), and with the checksum made
# right again, as whoever wants to deceive would do. A new Vault looks at it each time, with the unit's own key.
_VAULT = """
import json, struct
from charger.drivers.keystore import KeyStore
from charger.credentials.vault import Vault
from charger.store.files import Files
files = Files("/flash")
key = KeyStore().key()
missed, tried = [], 0
for name in ["vault/" + one for one in files.names("vault")]:
    whole = files.read(name)
    with open("/flash/" + name, "rb") as file:
        raw = file.read()
    for right in (False, True):
        data = whole if right else raw
        for bit in range(%(first)d, 8 * len(data), %(stride)d):
            tried += 1
            bad = bytearray(data)
            bad[bit // 8] ^= 1 << bit %% 8
            if right:
                files.write(name, bytes(bad))
            else:
                with open("/flash/" + name, "wb") as file:
                    file.write(bad)
            if not Vault(files, key).broken:
                missed.append((name, bit, right))
    files.write(name, whole)
print("PROVISION " + json.dumps([tried, missed, Vault(files, key).broken]))
"""


def test_every_bit_of_the_vault_counts(tmp_path):
    """Including its index: an entry that was taken away shows as one that was altered."""
    make_unit(tmp_path / "state")
    for first in range(STRIDE) if SOAK else (random.randrange(STRIDE),):
        tried, missed, broken = on_flash.run(tmp_path / "state", _VAULT % {"first": first, "stride": STRIDE})
        assert tried > 300 and (missed, broken) == ([], ""), first


def test_a_whole_unit_with_one_altered_bit_refuses_configuration(launch, csms):
    """At the next start: said in the status, in the log, and nothing can be configured."""
    sim = launch(lab=False)
    csms.wait_booted()
    sim.stop()
    name = random.Random(7).choice([one for one in on_flash.names(sim.state_dir) if one.startswith("vault/")])
    on_flash.run(sim.state_dir, "import json\nfrom charger.store.files import Files\nfiles = Files('/flash')\n"
                 f"data = bytearray(files.read({name!r}))\ndata[30] ^= 4\nfiles.write({name!r}, bytes(data))\n"
                 "print('PROVISION ' + json.dumps(None))")
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    assert sim.status()["setup"].startswith("credentials were altered")
    assert "VaultBroken" in [entry["event"] for entry in sim.command("security_log", count=50)["entries"]]
    assert csms.call("ChangeConfiguration", key="HeartbeatInterval", value="77")["status"] == "Rejected"


@pytest.fixture
def log_in_blocks(launch, csms):
    """A charger whose log is long enough to lie in blocks of the flash, with nothing left to send: the flash rests.

    A file that is written meanwhile would be copied with the bit that is flipped at that moment.
    """
    sim = launch(lab=False)
    csms.wait_booted()
    for number in range(40):
        sim.command("set_time", iso=f"2031-01-{1 + number % 28:02d}T{number % 24:02d}:00:00Z")
    wait_until(lambda: sim.command("security_log")["next"] > 30, 20, "entries")
    wait_until(lambda: (log := sim.command("security_log"))["sent"]["ocpp"] == log["next"] - 1, 60, "all acknowledged")
    assert sim.command("security_log")["broken"] is None
    return sim


def test_every_bit_of_the_log_counts(log_in_blocks):
    """Flipped in the chip under the running unit, wherever the bytes of an entry lie; mended, the log is whole again."""
    sim = log_in_blocks
    chance = random.Random(11)
    entries = sim.command("security_log", count=100)["entries"]
    with open(sim.state_dir / "flash.bin", "r+b", buffering=0) as chip:
        image = chip.read()
        flips = 0
        for entry in chance.choices(entries[3:-1], k=LOG_FLIPS):
            text = entry["event"].encode() + entry["info"].encode()
            places = list(_all(image, text))
            assert places, entry
            offset, bit = chance.randrange(-8, len(text) + 8), 1 << chance.randrange(8)  # what is around belongs to it, too
            _flip(chip, [at + offset for at in places], bit)
            assert sim.command("security_log")["broken"] is not None, (entry, offset, bit)
            _flip(chip, [at + offset for at in places], bit)
            flips += 1
    assert flips == LOG_FLIPS and sim.command("security_log")["broken"] is None
    assert json.dumps(sim.command("security_log", count=100)["entries"][: len(entries)])


def _all(image, text):
    at = image.find(text)
    while at >= 0:
        yield at
        at = image.find(text, at + 1)


def _flip(chip, places, bit):
    """All copies: which of them littlefs goes by is its own matter."""
    for at in places:
        old = os.pread(chip.fileno(), 1, at)[0]
        os.pwrite(chip.fileno(), bytes([old ^ bit]), at)
