"""Files that are signed and still no update for this unit: each reason of its own (SEC-4, SEC-6)."""

import hashlib

from check import equal, raises, raises_async
from update_rig import UNIT, key_pair, signed_bundle

from charger.crypto import ec
from charger.errors import UpdateError
from charger.runtime import cooperative
from charger.update import manifest as manifests

GOOD = {"format": 1, "board": "SIM", "version": "0.2.0", "counter": 1, "min_hardware": 1, "size": 5, "sha256": "00" * 32}


def _manifest(**changed):
    return manifests.Manifest(dict(GOOD, **changed))


async def test_a_signed_text_that_is_no_manifest_is_refused():
    signed_bundle(1)
    secret, public = key_pair["key"]
    for raw in (b"no JSON", b"{", b"[]", b"1", b'"x"', b"null"):
        signature = cooperative.run_now(ec.sign(secret, hashlib.sha256(raw).digest()))
        error = await raises_async(UpdateError, manifests.parse(raw, signature, [public]))
        equal(error.cause, "manifest", raw)


async def test_a_signature_of_another_text_and_one_that_is_none_are_refused():
    signed_bundle(1)
    secret, public = key_pair["key"]
    signature = cooperative.run_now(ec.sign(secret, hashlib.sha256(b"{ }").digest()))
    for signed in (signature, b"", b"\x30\x00", signature[:-1]):
        error = await raises_async(UpdateError, manifests.parse(b"{}", signed, [public]))
        equal(error.cause, "signature", signed)


def test_each_value_out_of_range_is_refused_with_its_reason():
    for changed, cause in (
        ({"sha256": "zz" * 32}, "manifest"), ({"sha256": "00" * 31}, "manifest"), ({"size": 0}, "manifest"),
        ({"min_hardware": -1}, "manifest"), ({"counter": -1}, "manifest"), ({"counter": 1 << 30}, "manifest"),
        ({"format": 2}, "manifest"), ({"board": 5}, "manifest"), ({"version": "1.2"}, "version"),
    ):  # fmt: skip
        equal(raises(UpdateError, _manifest, **changed).cause, cause, changed)
    equal(_manifest(sha256="a1" * 32).sha256, b"\xa1" * 32)


def test_an_image_for_another_board_revision_counter_version_or_slot_does_not_fit():
    unit = dict(UNIT, hardware=2, counter=3)
    for changed, cause in (
        ({"board": "SIM2"}, "board"), ({"min_hardware": 3}, "hardware"), ({"counter": 2}, "counter"),
        ({"version": "0.1.0"}, "version"), ({"version": "0.0.9"}, "version"), ({"size": 4097}, "size"),
    ):  # fmt: skip
        made = _manifest(**dict({"counter": 3, "min_hardware": 2, "size": 4096}, **changed))
        equal(raises(UpdateError, manifests.check_fit, made, unit, 4096).cause, cause, changed)
    manifests.check_fit(_manifest(counter=3, min_hardware=2, size=4096), unit, 4096)
