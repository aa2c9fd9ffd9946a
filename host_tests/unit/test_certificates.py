"""The certificate store at every flash write, the unit's own certificate and its renewal in time (WP-15 to 23)."""

import flashrig
from ca import Authority, name
from check import equal, true
from ocpp_rig import NOW, Rig

from charger import clock
from charger.credentials import certificate_store
from charger.credentials.certificate_store import CENTRAL_SYSTEM, MANUFACTURER
from charger.credentials.vault import Vault
from charger.ocpp.transport.connection_settings import ConnectionSettings
from sim import flash as simflash

WORDS = (64, 32)

HEAP = 8 * 1024 * 1024
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
    cp.store = certificate_store.CertificateStore(rig.files, rig.config, lambda e, i: rig.events.append((e, i)), vault, factory)
    cp.settings = ConnectionSettings(rig.config, dict(factory, url="wss://h", identity="CP1"), cp.store)
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


async def test_failed_installation_leaves_no_issuer_key_for_the_next_root():
    """WP-22: the issuer's key of a root that never came to be must not be taken for that of the next."""
    rig = Rig(factory=FACTORY)
    _equip(rig)
    store = rig.cp.store
    rig.files.write("roots/c0001.key", b"another key")
    own = _authority("Other")
    equal(await store.install(CENTRAL_SYSTEM, own.root), "Accepted")
    true(not rig.files.exists("roots/c0001.key"))
    write = rig.files.write

    def refuse(path, data):
        if path.endswith("c0002"):
            raise OSError(28)
        write(path, data)

    rig.files.write = refuse
    equal(await store.install(CENTRAL_SYSTEM, _authority("Third").root), "Failed")
    equal([n for n in rig.files.names("roots") if n.startswith("c0002")], [])


async def test_an_odd_file_among_the_roots_or_in_place_of_the_chain_stops_nothing():
    """With a right checksum, as other firmware or somebody with the flash leaves it (SEC-13)."""
    rig = Rig(factory=FACTORY)
    _equip(rig)
    store = rig.cp.store
    for content in (b"\xff", b"x", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                    b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"):  # fmt: skip
        rig.files.write("roots/c0001", content)
        equal(len(await store.installed(CENTRAL_SYSTEM)), 1, content)
        equal(rig.cp.certificates()._validity_of(content), None, content)
    equal(await store.install(CENTRAL_SYSTEM, _authority("Other").root), "Accepted")
    equal(len(await store.installed(CENTRAL_SYSTEM)), 2)


async def test_a_flash_that_cannot_be_read_is_failed_wp19_wp23():
    rig = Rig(factory=FACTORY)
    _equip(rig)
    equal(await rig.cp.store.install(CENTRAL_SYSTEM, _authority("Other").root), "Accepted")

    def dead(path):
        raise OSError(5)

    rig.files.read = dead
    equal(await rig.cp.store.install(CENTRAL_SYSTEM, _authority("Third").root), "Failed")
    wanted = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "1"}
    equal(await rig.cp.store.delete(wanted), "Failed")


async def test_numbers_of_roots_do_not_run_out():
    """After c9999 the roots move to the first numbers, in their order, with their issuers' keys."""
    rig = Rig(factory=FACTORY)
    _equip(rig)
    store = rig.cp.store
    texts = [_authority(which).root for which in ("Other", "Third", "Fourth")]
    for number, text in ((9998, texts[0]), (9999, texts[1])):
        rig.files.write("roots/c%04d" % number, text.encode())
    rig.files.write("roots/c9999.key", b"issuer")
    equal(await store.install(CENTRAL_SYSTEM, texts[2]), "Accepted")
    equal(rig.files.names("roots"), ["c0001", "c0002", "c0002.key", "c0003"])
    equal(rig.files.read("roots/c0001"), texts[0].encode())
    equal(rig.files.read("roots/c0002.key"), b"issuer")


async def test_a_damaged_chain_counts_as_none_for_its_key_too():
    """The factory's certificate goes with the factory's key."""
    rig = await _rig()
    store = rig.cp.store
    store.vault.put("ocpp/client-key", b"of the damaged one")
    rig.files.write("ocpp_client.pem", b"chain")
    equal((store.client_chain(), store.client_key()), (b"chain", b"of the damaged one"))
    with open(rig.files.path("ocpp_client.pem"), "wb") as file:
        file.write(b"torn")
    equal((store.client_chain(), store.client_key()), (rig.own, "old"))


async def test_a_flash_that_fails_at_the_start_does_not_keep_the_unit_from_starting():
    rig = Rig(factory=FACTORY)
    rig.files.write_json("ocpp_trial.json", {"profile": 3})

    def dead(*_):
        raise OSError(5)

    delete, rig.files.delete = rig.files.delete, dead
    _equip(rig)
    rig.files.delete = delete
    equal(rig.cp.settings.url, "wss://h")


def test_a_back_end_may_have_another_address_for_tls_wp4():
    rig = Rig(factory=dict(FACTORY, SecurityProfile="1"))
    _equip(rig)
    settings = ConnectionSettings(rig.config, {"url": "ws://a:80/x", "secure_url": "wss://b:443/y"}, rig.cp.store)
    equal(settings.url, "ws://a:80/x")
    rig.config.put("SecurityProfile", "2")
    equal(settings.url, "wss://b:443/y")
    equal(ConnectionSettings(rig.config, {"url": "wss://a"}, rig.cp.store).url, "wss://a")


async def test_no_certificate_is_taken_while_its_key_is_being_replaced():
    """A second request makes a new key: a chain for the old one must not be kept beside it."""
    rig = await _rig()
    service = rig.cp.certificates()
    service._making = True
    equal(await _signed(rig, rig.own), "Rejected")
    service._making = False
    service._checking = True
    equal(await _trigger(rig), "Rejected")
    await rig.stop()


async def test_a_request_without_an_answer_or_a_certificate_ends_by_itself():
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    await _request(rig)
    equal(await _trigger(rig), "Rejected")  # its certificate may still come
    await rig.seconds(590)
    equal(await _trigger(rig), "Rejected")
    await rig.seconds(15)
    equal(await _trigger(rig), "Accepted")
    await rig.stop()


async def test_a_certificate_that_cannot_be_renewed_is_reported():
    """Without a CpoName no request can be made (WP-8): nobody should find that out on the day the certificate ends."""
    for ends, count in ((65, 0), (29, 1)):
        rig = await _rig(begins=-300 * DAY, ends=ends * DAY)
        rig.config.put("CpoName", "")
        rig.cp.certificates()._look_at_s = 0
        await rig.seconds(40)
        await rig.seconds(40)
        rejections = [i for e, i in rig.events if e == "InvalidChargePointCertificate"]
        equal((len(rejections), len(rig.link.of("SignCertificate"))), (count, 0), ends)
        true(not rejections or "CpoName" in rejections[0])
        await rig.stop()


async def test_the_own_certificate_cannot_be_deleted():
    rig = await _rig()
    from charger.crypto import pem, x509
    from charger.runtime import cooperative

    leaf, root = [x509.parse(pem.decode(text)[0]) for text in (rig.own, _authority().root)]
    data = await cooperative.run(x509.hash_data(leaf, root))
    equal(await rig.cp.store.delete(data), "Failed")
    equal(await rig.cp.store.delete(dict(data, serialNumber="1")), "NotFound")
    await rig.stop()


async def test_renewal_when_a_month_or_a_third_is_left_and_not_before():
    """WP-15: 30 days of a year, a third of 30 days; the request is made once, and again only after its time (WP-16)."""
    for begins, ends, due in ((-300, 65, False), (-336, 29, True), (-15, 15, False), (-21, 9, True), (-40, -1, True)):
        rig = await _rig(begins=begins * DAY, ends=ends * DAY)
        rig.cp.certificates()._look_at_s = 0
        await rig.seconds(40)
        await rig.seconds(40)
        equal(len(rig.link.of("SignCertificate")), 1 if due else 0, (begins, ends))
        await rig.stop()


async def test_a_refused_request_is_made_again_after_an_hour_at_the_least():
    rig = await _rig(begins=-7200, ends=3000)
    rig.link.answers["SignCertificate"] = {"status": "Rejected"}
    rig.cp.certificates()._look_at_s = 0
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
    rig.cp.certificates()._look_at_s = 0
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


async def test_a_certificate_that_is_taken_is_used_right_after_the_answer_wp17_wp18():
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    request = await _request(rig)
    equal(await _signed(rig, _authority().answer(request)), "Accepted")
    await rig.until(lambda: rig.reconnects == 1, 400)
    await rig.stop()
    bare = Rig(factory=FACTORY)
    await bare.online()
    equal(await _signed(bare, rig.own), "Rejected", "a unit without a store")
    await bare.stop()


async def test_keys_never_leave_the_vault():
    """SEC-10, WP-15: not in a file, not in a request."""
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    await _request(rig)
    key = rig.cp.store.vault.get(certificate_store.NEXT_KEY)
    true(len(key) > 100)
    secret = key[7:39]
    content = b"".join([bytes(block) for block in rig.device.image if block])
    true(secret not in content and secret.hex().encode() not in content)
    await rig.stop()


async def test_f_o21_a_triggered_request_is_sent_while_registration_is_pending():
    authority = _authority()
    rig = Rig(factory=FACTORY)
    _equip(rig, authority.sign(authority.public, name("CP1", "Acme")))
    rig.link.answers["SignCertificate"] = {"status": "Accepted"}
    rig.link.answers["BootNotification"] = {"status": "Pending", "interval": 3000, "currentTime": clock.iso(NOW)}
    await rig.start()
    await rig.seconds(2)
    equal(await _trigger(rig), "Accepted")
    await rig.until(lambda: rig.link.of("SignCertificate"), 10000)
    equal(rig.cp.ready(), False)


async def test_f_o21_a_triggered_request_that_the_link_lost_is_made_again():
    rig = await _rig()
    equal(await _trigger(rig), "Accepted")
    await rig.offline()
    await rig.seconds(40)
    equal(rig.link.of("SignCertificate"), [])
    await rig.reconnect()
    await rig.until(lambda: rig.link.of("SignCertificate"), 40000)


async def test_f_o23_a_root_that_cannot_be_used_is_reported_by_its_kind():
    rig = await _rig()
    day = 86400
    other = _authority("Other")
    expired = Authority("Expired", NOW - 400 * day)
    leaf = other.sign(other.public, name("Leaf", "Acme"))
    for kind, event in ((CENTRAL_SYSTEM, "InvalidCentralSystemCertificate"), (MANUFACTURER, "InvalidFirmwareSigningCertificate")):
        for text in (expired.root, leaf, other.root[:200], "no PEM", other.root + other.root):
            rig.events.clear()
            equal(await _install(rig, text, kind), "Rejected")
            equal([e for e, _ in rig.events], [event], rig.events)
        equal(await _install(rig, other.root, kind), "Accepted")
        rig.events.clear()
        equal(await _install(rig, other.root, kind), "Rejected")
        equal([e for e, _ in rig.events], ["CertificateRefused"], "a good one that is there already")
