"""Two units from the same factory: nothing secret is in both, and what they run is the same to the byte (SEC-2, SEC-11)."""

import hashlib
import itertools

import romfs
from provisioning import record

from sim.provisioned_units import SECRETS, encodings, make_unit, private_scalar

from . import on_flash


def secrets_of(made, label):
    """Everything of a unit that nobody else may have, as bytes."""
    verifiers = [bytes.fromhex(pin[part]) for pin in made["pins"].values() for part in ("salt", "hash")]
    return [*(label[name].encode() for name in SECRETS), bytes.fromhex(made["device_key"]), private_scalar(made), *verifiers]


def test_no_secret_is_shared_and_none_comes_from_what_is_public():
    """Many units: no secret twice, none in another's record, none with the serial number in it."""
    units = [record.make(f"PL{number:08d}", 1000) for number in range(12)]
    found = [secret for made, label in units for secret in secrets_of(made, label)]
    assert len(found) == len(set(found)) == 12 * len(secrets_of(*units[0]))
    for (made, label), (other, _) in itertools.permutations(units, 2):
        text = repr(other).encode()
        assert not [secret for secret in secrets_of(made, label) if secret in text or secret.hex().encode() in text]
        assert not [name for name in SECRETS if label["serial"][2:] in label[name]]


def test_the_same_serial_number_makes_another_unit():
    """Nothing is derived from it."""
    (first, one), (second, two) = (record.make("PL-1", 1000) for _ in range(2))
    assert not set(secrets_of(first, one)) & set(secrets_of(second, two))


def test_two_flashes_have_no_sealed_byte_in_common(tmp_path):
    """Sixteen bytes in a row of any vault entry of the one are nowhere on the other, nor is a secret of either."""
    units = [make_unit(tmp_path / name, f"PL-{name}") for name in "ab"]
    images = [(tmp_path / name / "flash.bin").read_bytes() for name in "ab"]
    script = ("import json\nfrom charger.store.files import Files\nfiles = Files('/flash')\n"
              "print('PROVISION ' + json.dumps([files.read('vault/' + one).hex() for one in files.names('vault')]))")
    for name, other in (("a", images[1]), ("b", images[0])):
        sealed = [bytes.fromhex(text) for text in on_flash.run(tmp_path / name, script)]
        assert len(sealed) >= 7
        assert not [at for data in sealed for at in range(1, len(data) - 16, 16) if data[at : at + 16] in other]
    for (made, label), image in itertools.product(units, images):
        assert not [secret for secret in secrets_of(made, label) if any(form in image for form in encodings(secret))]


def test_units_run_the_same_image(launch, csms, tmp_path):
    """Made before and after, started in two units, both in use: not a byte of the application differs, and no secret of
    theirs is in it."""
    before = romfs.build(tmp_path / "before.romfs").read_bytes()
    found = []
    for name in "ab":
        made, label = make_unit(tmp_path / name, f"PL-{name}")
        image = tmp_path / f"{name}.romfs"
        image.write_bytes(before)
        sim = launch(name, options=["--romfs", str(image)], identity=f"PL-{name}")
        csms.wait_booted()
        sim.wait_ocpp_status("Available")
        sim.stop()
        found.append(hashlib.sha256(image.read_bytes()).hexdigest())
        assert not [secret for secret in secrets_of(made, label) if any(form in before for form in encodings(secret))]
    after = romfs.build(tmp_path / "after.romfs").read_bytes()
    assert set(found) == {hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest()} and len(set(found)) == 1
