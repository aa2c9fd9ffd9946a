"""SignedUpdateFirmware: certificates and signatures that are taken and refused (WP-30, 33, 34)."""

import asyncio
import hashlib

import signing_data as data
from check import equal, true
from ocpp_rig import NOW
from signed_update_rig import logged, online_rig, request_update, statuses, wait_status

from charger import clock
from charger.crypto import pem
from charger.ocpp.v16.services import firmware_signature

HEAP = 2 * 1024 * 1024
P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"  # the curve's OID


async def test_certificates_that_are_not_to_be_believed():
    """WP-10, WP-30: refused before anything starts, with an event."""
    rig = await online_rig()
    bad = [data.STRANGER, data.EXPIRED, data.SERVER, data.EC_SIGNER + data.ROOT, "no PEM", "",
           data.EC_SIGNER.replace("MII", "MIJ", 1), data.ROOT]
    for certificate in bad:
        equal(await request_update(rig, certificate=certificate), "InvalidCertificate", certificate[:40])
    rig.cp.signed_firmware()._manufacturer_roots = lambda: None
    equal(await request_update(rig), "InvalidCertificate")
    equal(rig.updater.log, [])
    equal(statuses(rig), [])
    true("InvalidFirmwareSigningCertificate" in logged(rig))
    rig.cp.make_updater = lambda: None
    equal(await request_update(rig), "Rejected")
    await rig.stop()


async def test_a_certificate_is_rejected_while_the_time_is_unknown():
    clock._zero_s = None
    true("time unknown" in await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT))


async def test_signatures_that_do_not_fit():
    """WP-33, 34: of another file, of another key, of another scheme, broken base64: InvalidSignature and its event."""
    for certificate, signature in (
        (data.EC_SIGNER, data.ECDSA_OTHER), (data.EC_SIGNER, data.PSS), (data.RSA_SIGNER, data.ECDSA),
        (data.RSA_SIGNER, data.PKCS1), (data.EC_SIGNER, "AAAA"), (data.EC_SIGNER, ""),
        (data.EC_SIGNER, data.ECDSA + "!"), (data.EC_SIGNER, "#" + data.ECDSA),
    ):
        rig = await online_rig()
        equal(await request_update(rig, 9, certificate, signature), "Accepted")
        await wait_status(rig, "InvalidSignature", 9)
        equal(statuses(rig, 9), ["Downloading", "Downloaded", "InvalidSignature"])
        equal(rig.updater.log, ["fetch", "discard"])
        equal([e for e in logged(rig) if "irmware" in e or "Update" in e], ["InvalidFirmwareSignature"])
        await rig.call("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
        await rig.sent("SignedFirmwareStatusNotification", 4)
        equal(statuses(rig, 9)[-1], "InvalidSignature")  # WP-36: the last status, as it did not succeed
        await rig.stop()


async def test_what_a_certificate_and_a_signature_must_be():
    """WP-30, 33: each answer of the two checks, without an update around them."""
    clock.set_utc(NOW, "test")
    digest = hashlib.sha256(b"image").digest()

    async def fits(certificate, signature):
        return await firmware_signature.matches(certificate, digest, signature)

    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT), "")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, data.ROOT.encode()), "")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER, None), "no manufacturer root is installed")
    equal(await firmware_signature.certificate_fault(data.EC_SIGNER + data.EC_SIGNER, data.ROOT), "more than one certificate")
    true(await firmware_signature.certificate_fault("no PEM", data.ROOT))
    true(await firmware_signature.certificate_fault(data.STRANGER, data.ROOT))
    equal([await fits(data.EC_SIGNER, data.ECDSA), await fits(data.RSA_SIGNER, data.PSS)], [True, True])
    equal(await fits(data.EC_SIGNER, data.ECDSA[:20] + "\n " + data.ECDSA[20:] + "\n"), True)
    for signature in ("A", "\xe4", "#" + data.ECDSA, data.ECDSA_OTHER, data.PSS):
        equal(await fits(data.EC_SIGNER, signature), False, signature)
    equal(await fits("no PEM", data.ECDSA), False)
    other_curve = pem.decode(data.EC_SIGNER)[0].replace(P256, P256[:-1] + b"\x06")  # the key's point is on P-256 all the same
    equal(await fits(pem.encode(other_curve), data.ECDSA), False)


async def test_the_check_of_a_certificate_leaves_the_loop_alone():
    """The control tick goes on while RSA and P-256 are computed: no slice is long."""
    gaps = []

    async def tick():
        while True:
            before = clock.ticks_us()
            await clock.sleep_ms(0)
            gaps.append(clock.ticks_diff(clock.ticks_us(), before))

    beside = asyncio.create_task(tick())
    clock.set_utc(NOW, "test")
    digest = hashlib.sha256(b"image").digest()
    equal(await firmware_signature.certificate_fault(data.RSA_SIGNER, data.ROOT), "")
    equal(await firmware_signature.matches(data.RSA_SIGNER, digest, data.PSS), True)
    equal(await firmware_signature.matches(data.EC_SIGNER, digest, data.ECDSA), True)
    beside.cancel()
    true(len(gaps) > 50, "slices: %d" % len(gaps))
