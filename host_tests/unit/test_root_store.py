"""Roots, the factory's and installed ones: events, the answer to each refusal, one that another one signed."""

import flashrig
from ca import Authority, name
from check import equal, true
from ocpp_rig import NOW, Rig

from charger.credentials import certificate_store
from charger.credentials.certificate_store import CENTRAL_SYSTEM, MANUFACTURER
from charger.credentials.vault import Vault
from charger.crypto import pem, x509
from charger.runtime.cooperative import run_now

HEAP = 8 * 1024 * 1024
made = {}


def authority(which):
    if which not in made:
        made[which] = Authority(which, NOW)
    return made[which]


def store_of(ca, factory=()):
    """A store with these roots of the factory; its events; the Rig under it."""
    rig = Rig(factory=dict(factory, SecurityProfile="2"))
    rig.events = []
    vault = Vault(rig.files, bytes(range(32)))
    rig.store = certificate_store.CertificateStore(
        rig.files, rig.config, lambda event, info: rig.events.append((event, info)), vault, {"ca": ca})
    return rig


def data_of(text, issuer=None):
    leaf = x509.parse(pem.decode(text)[0])
    return run_now(x509.hash_data(leaf, x509.parse(pem.decode(issuer)[0]) if issuer else leaf))


def serial_of(text):
    return data_of(text)["serialNumber"]


async def test_a_root_that_is_installed_or_deleted_is_an_event_with_kind_and_serial_number():
    rig = store_of(authority("Factory").root)
    other = authority("Other").root
    for kind in (CENTRAL_SYSTEM, MANUFACTURER):
        rig.events.clear()
        equal(await rig.store.install(kind, other), "Accepted")
        equal(await rig.store.delete(data_of(other)), "Accepted")
        told = "%s, serial %s" % (kind, serial_of(other))
        equal(rig.events, [("CertificateInstalled", told), ("CertificateDeleted", told)])
        equal(await rig.store.delete(data_of(other)), "NotFound")
    equal(rig.files.names("roots"), [])


async def test_a_root_of_the_factory_that_is_deleted_is_gone_and_no_other_one():
    one, two = authority("Factory").root, authority("Second").root
    rig = store_of(one + two)
    equal(await rig.store.delete(data_of(one)), "Accepted")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(two)])
    true(one.encode() not in rig.store.roots(CENTRAL_SYSTEM) and two.encode() in rig.store.roots(CENTRAL_SYSTEM))
    rig.device = flashrig.restart(rig.device)
    rig.build()
    again = certificate_store.CertificateStore(rig.files, rig.config, None, None, {"ca": one + two})
    equal(await again.installed(CENTRAL_SYSTEM), [data_of(two)])


async def test_factory_roots_that_cannot_be_read_count_as_none():
    rig = store_of("-----BEGIN CERTIFICATE-----\nMA\n-----END CERTIFICATE-----\n")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [])
    equal(await rig.store.install(CENTRAL_SYSTEM, authority("Other").root), "Accepted")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(authority("Other").root)])


async def test_a_root_that_another_one_signed_has_that_ones_key_in_its_hash_data_wp20_wp22():
    """Under AdditionalRootCertificateCheck: only what the present one signed, one at a time."""
    present, stranger = authority("Factory"), authority("Other")
    rig = store_of(present.root, {"AdditionalRootCertificateCheck": "true"})
    equal(await rig.store.install(CENTRAL_SYSTEM, stranger.root), "Rejected")
    equal(rig.events[-1], ("InvalidCentralSystemCertificate", "not installed, untrusted: not issued by the present root"))
    heir = present.sign(stranger.public, name("Heir"), authority=True)
    equal(await rig.store.install(CENTRAL_SYSTEM, heir), "Accepted")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(present.root), data_of(heir, present.root)])
    third = present.sign(authority("Second").public, name("Third"), authority=True)
    rig.events.clear()
    equal(await rig.store.install(CENTRAL_SYSTEM, third), "Rejected")
    equal(rig.events, [("CertificateRefused", "the previous root is not confirmed yet")])
    rig.store.connected()
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(heir, present.root)])
    equal(rig.events[-1], ("CertificateDeleted", "replaced, serial " + serial_of(present.root)))


async def test_a_root_in_its_factory_form_may_be_signed_by_any_of_those_present_wp20():
    """The newest is tried first; the reason of a refusal is that of the newest."""
    one, two = authority("Factory"), authority("Second")
    rig = store_of(one.root + two.root, {"AdditionalRootCertificateCheck": "true"})
    forged = pem.decode(two.sign(authority("Other").public, name("Heir"), authority=True))[0]
    forged = forged[:-1] + bytes([forged[-1] ^ 1])
    equal(await rig.store.install(CENTRAL_SYSTEM, pem.encode(forged)), "Rejected")
    true("not issued" not in rig.events[-1][1], rig.events)
    heir = one.sign(authority("Other").public, name("Heir"), authority=True)
    equal(await rig.store.install(CENTRAL_SYSTEM, heir), "Accepted")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(one.root), data_of(two.root), data_of(heir, one.root)])


async def test_a_key_that_a_failed_installation_left_is_not_the_next_ones():
    """The write of the certificate fails after that of its issuer's key."""
    present = authority("Factory")
    rig = store_of(present.root, {"AdditionalRootCertificateCheck": "true"})
    write = rig.files.write

    def refuse(path, data):
        if not path.endswith(".key"):
            raise OSError(28)
        write(path, data)

    rig.files.write = refuse
    heir = present.sign(authority("Other").public, name("Heir"), authority=True)
    equal(await rig.store.install(CENTRAL_SYSTEM, heir), "Failed")
    equal((rig.files.names("roots"), await rig.store.installed(CENTRAL_SYSTEM)), (["c0001.key"], [data_of(present.root)]))
    rig.files.write = write
    rig.config.put("AdditionalRootCertificateCheck", "false")
    equal(await rig.store.install(CENTRAL_SYSTEM, authority("Second").root), "Accepted")
    equal(await rig.store.installed(CENTRAL_SYSTEM), [data_of(present.root), data_of(authority("Second").root)])
