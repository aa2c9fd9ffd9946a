"""The certificate store at every flash write, the unit's own certificate and its renewal in time (WP-15 to 23)."""

import flashrig
from ca import Authority, name
from check import equal, true
from ocpp_rig import NOW, Rig

from charger import clock
from charger.ocpp.settings import LinkSettings
from charger.security import certificates
from charger.security.certificates import CENTRAL_SYSTEM, MANUFACTURER
from charger.security.vault import Vault
from sim import flash as simflash

HEAP = 8 * 1024 * 1024
TIMEOUT = 90
DAY = 86400
FACTORY = {"CpoName": "Acme", "SecurityProfile": "3"}
_made = {}


def _authority(which="Root"):
    if which not in _made:
        _made[which] = Authority(which)
    return _made[which]


def _equip(rig, own=None, key="old"):
    """A store, a vault and settings as app.py gives them."""
    cp = rig.cp
    rig.events = []
    vault = Vault(rig.files, bytes(range(32)))
    factory = {"ca": _authority().root, "client_cert": own, "client_key": key}
    cp.store = certificates.CertificateStore(rig.files, rig.config, lambda e, i: rig.events.append((e, i)), vault, factory)
    cp.settings = LinkSettings(rig.config, dict(factory, url="wss://h", identity="CP1"), cp.store)
    rig.reconnects = 0

    async def reconnect():
        rig.reconnects += 1

    cp.reconnect = reconnect


async def _rig(**how):
    authority = _authority()
    public = authority.public
    own = authority.sign(public, name("CP1", "Acme"), **how)
    rig = Rig(factory=FACTORY)
    _equip(rig, own)
    rig.link.answers["SignCertificate"] = {"status": "Accepted"}
    await rig.online()
    rig.own = own
    return rig


async def _install(rig, text, kind=CENTRAL_SYSTEM):
    return (await rig.call("InstallCertificate", certificateType=kind, certificate=text))["status"]


async def _trigger(rig):
    return (await rig.call("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate"))["status"]


async def _request(rig, count=1):
    return (await rig.sent("SignCertificate", count))["csr"]


async def _signed(rig, chain):
    return (await rig.call("CertificateSigned", certificateChain=chain))["status"]


async def test_a_power_cut_or_a_dead_flash_while_a_root_is_installed():
    """Before the answer it may be there or not, whole or not at all; a write that fails is Failed, and nothing is left."""
    at = 0
    other = _authority("Other").root
    while True:
        rig = Rig(factory=FACTORY)
        _equip(rig)
        rig.device.cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        status = await rig.cp.store.install(CENTRAL_SYSTEM, other)
        if rig.device.powered:
            equal(status, "Accepted")
            break
        rig.device = flashrig.restart(rig.device)
        rig.build()
        _equip(rig)
        number = len(await rig.cp.store.installed(CENTRAL_SYSTEM))
        true(number == 2 if status == "Accepted" else number in (1, 2), (status, number))
        true(status in ("Accepted", "Failed"), status)
        at += 1
    true(at > 1)


async def test_stores_are_apart_and_the_limit_is_of_both():
    rig = Rig(factory=dict(FACTORY, CertificateStoreMaxLength="3"))
    _equip(rig)
    roots = [_authority("R%d" % n).root for n in range(3)]
    store = rig.cp.store
    equal(await store.install(MANUFACTURER, roots[0]), "Accepted")
    equal(await store.install(CENTRAL_SYSTEM, roots[1]), "Accepted")
    equal(await store.install(MANUFACTURER, roots[2]), "Rejected")
    equal((len(await store.installed(CENTRAL_SYSTEM)), len(await store.installed(MANUFACTURER))), (2, 1))
    true(roots[0].encode() in store.roots(MANUFACTURER) and roots[0].encode() not in store.roots(CENTRAL_SYSTEM))


async def test_the_own_certificate_cannot_be_deleted():
    rig = await _rig()
    from charger.security import pem, slices, x509

    leaf, root = [x509.parse(pem.decode(text)[0]) for text in (rig.own, _authority().root)]
    data = await slices.run(x509.hash_data(leaf, root))
    equal(await rig.cp.store.delete(data), "Failed")
    equal(await rig.cp.store.delete(dict(data, serialNumber="1")), "NotFound")
    await rig.stop()


async def test_renewal_when_a_month_or_a_third_is_left_and_not_before():
    """WP-15: 30 days of a year, a third of 30 days; the request is made once, and again only after its time (WP-16)."""
    for begins, ends, due in ((-300, 65, False), (-336, 29, True), (-15, 15, False), (-21, 9, True), (-40, -1, True)):
        rig = await _rig(begins=begins * DAY, ends=ends * DAY)
        rig.cp.certificates._look_at_s = 0
        await rig.seconds(40)
        await rig.seconds(40)
        equal(len(rig.link.of("SignCertificate")), 1 if due else 0, (begins, ends))
        await rig.stop()


async def test_a_refused_request_is_made_again_after_an_hour_at_the_least():
    rig = await _rig(begins=-7200, ends=3000)
    rig.link.answers["SignCertificate"] = {"status": "Rejected"}
    rig.cp.certificates._look_at_s = 0
    await _request(rig)
    await rig.seconds(100)
    equal(len(rig.link.of("SignCertificate")), 1)
    equal(rig.cp.store.vault.names(), [])  # its key is of no use
    await rig.seconds(3600)
    equal(len(rig.link.of("SignCertificate")), 2)
    await rig.stop()


async def test_one_request_at_a_time():
    rig = await _rig()
    for status in ("Accepted", "Rejected", "Rejected"):
        equal(await _trigger(rig), status)
    await _request(rig)
    equal(len(rig.link.of("SignCertificate")), 1)
    await rig.stop()


async def test_a_certificate_whose_time_has_not_come_waits_for_it():
    """WP-18: taken, used when its time has come, over a power cut; one that is too far ahead is Rejected."""
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    request = await _request(rig)
    equal(await _signed(rig, _authority().answer(request, begins=40 * DAY)), "Rejected")
    chain = _authority().answer(request, begins=3600)
    equal(await _signed(rig, chain), "Accepted")
    equal((rig.reconnects, rig.cp.store.client_chain()), (0, rig.own))
    await rig.power_cut()
    _equip(rig, rig.own)
    await rig.online()
    rig.cp.certificates._look_at_s = 0
    await rig.seconds(60)
    equal(rig.reconnects, 0)
    await rig.seconds(3600)
    equal((rig.reconnects, rig.cp.store.client_chain()), (1, chain.encode()))
    rig.cp.settings.opened()
    await rig.seconds(1)
    equal((rig.cp.store.client_chain(), rig.cp.store.has_next()), (chain.encode(), False))
    true(rig.cp.store.client_key() != "old")
    await rig.stop()


async def test_without_the_time_no_certificate_is_taken():
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    request = await _request(rig)
    clock._zero_s = None
    equal(await _signed(rig, _authority().answer(request)), "Rejected")
    equal(await _install(rig, _authority("Other").root), "Rejected")
    clock.set_utc(NOW, "test")
    equal(await _signed(rig, _authority().answer(request, subject=name("CP2", "Acme"))), "Rejected")
    equal(await _signed(rig, _authority().answer(request)), "Accepted")
    await rig.stop()


async def test_keys_never_leave_the_vault():
    """SEC-10, WP-15: not in a file, not in a request."""
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    await _request(rig)
    key = rig.cp.store.vault.get(certificates.NEXT_KEY)
    true(len(key) > 100)
    secret = key[7:39]
    content = b"".join([bytes(block) for block in rig.device.image if block])
    true(secret not in content and secret.hex().encode() not in content)
    await rig.stop()


