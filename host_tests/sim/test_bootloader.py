"""An image in a slot really is the firmware that runs, and one that does not prove itself really goes (SEC-4, SEC-6)."""

import hashlib
import struct
import zlib

import bundle
import pytest
import release

BLOCK = 4096
NEW = 0
VALID = 2


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """image(version): the tree's firmware as an image of that version; made once each."""
    made = {}

    def make(version, counter=1):
        if version not in made:
            folder = tmp_path_factory.mktemp("image")
            assert release.main(["keys", str(folder / "keys")]) == 0
            assert release.main([
                "build", "--board", "SIM", "--version", version, "--counter", str(counter),
                "--key", str(folder / "keys" / "update.pem"), "-o", str(folder / "new.plu"),
            ]) == 0  # fmt: skip
            made[version] = bundle.split((folder / "new.plu").read_bytes())[2]
        return made[version]

    return make


def put(folder, slot, content, state, sequence):
    """A slot and the bootloader's record that chooses it, in a state directory."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"ota_{slot}.bin").write_bytes(content.ljust(bundle.SLOT_BYTES, b"\xff"))
    number = struct.pack("<I", sequence)
    record = struct.pack("<I20sII", sequence, b"", state, zlib.crc32(number))
    (folder / "otadata.bin").write_bytes(record.ljust(BLOCK, b"\xff") + b"\xff" * BLOCK)


def boot_version(csms, since=0):
    return csms.record.wait("BootNotification", since=since).payload["firmwareVersion"]


@pytest.mark.parametrize("word", [64, 32])
def test_a_confirmed_image_is_what_runs(launch, csms, image, tmp_path, word):
    """The application is the slot's: its version goes to the back end, and the tree's modules are out of reach."""
    put(tmp_path / "charger", 1, image("7.8.9"), VALID, 2)
    sim = launch(word=word)
    assert boot_version(csms) == "7.8.9"
    slots = sim.command("slots")
    assert (slots["running"], slots["factory"]) == ("ota_1", False)
    assert slots["slots"]["ota_1"] == {"state": "valid", "version": "7.8.9", "good": True}


def test_an_image_on_trial_is_gone_after_a_reset(launch, csms, image, tmp_path):
    """Reset, crash or power cut before the confirmation: the factory's firmware is back."""
    put(tmp_path / "charger", 1, image("7.8.9"), NEW, 2)
    sim = launch()
    assert boot_version(csms) == "7.8.9"
    assert sim.command("slots")["slots"]["ota_1"]["state"] == "pending"
    mark = len(csms.record)
    sim.command("power_cut")
    assert boot_version(csms, mark) != "7.8.9"
    slots = sim.command("slots")
    assert (slots["running"], slots["factory"], slots["slots"]["ota_1"]["state"]) == ("ota_0", True, "aborted")


def test_an_image_that_does_not_start_rolls_back_by_itself(launch, csms, tmp_path):
    """A ROMFS of rubbish with a good hash: the interpreter ends at once, the next start takes the old slot."""
    rubbish = hashlib.sha256(b"x").digest() * 200
    put(tmp_path / "charger", 1, bundle.sim_image(rubbish, "6.6.6", 1), NEW, 2)
    sim = launch()
    sim.may_crash = True
    assert boot_version(csms) != "6.6.6"
    assert sim.command("slots")["slots"]["ota_1"]["state"] == "aborted"


def test_a_bit_flipped_in_the_running_slot_is_detected_at_the_next_start(launch, csms, image, tmp_path):
    """The bootloader checks the image's hash at each start (SEC-8)."""
    damaged = bytearray(image("7.8.9"))
    damaged[-9000] ^= 0x10
    put(tmp_path / "charger", 1, bytes(damaged), VALID, 2)
    sim = launch()
    assert boot_version(csms) != "7.8.9"
    assert sim.command("slots")["slots"]["ota_1"]["good"] is False
