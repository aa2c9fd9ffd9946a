"""The renewal of the unit's own certificate: requests, answers, begin and warnings, mostly without arithmetic (WP-15 to 18)."""

import asyncio

import flashrig
from ca import Authority, name
from check import equal, true

from charger import clock, log
from charger.config.configuration import Configuration
from charger.credentials.certificate_store import CHAIN, KEY, NEXT_CHAIN, NEXT_KEY, CertificateStore
from charger.credentials.vault import Vault
from charger.crypto.refusals import UNTRUSTED
from charger.errors import CryptoError
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.v16.services.certificate_renewal import CertificateRenewal
from sim import timebase

HEAP = 8 * 1024 * 1024
NOW = 1790000000
DAY = 86400
REFUSED = "InvalidChargePointCertificate"


class Renewal(CertificateRenewal):
    """Takes a second for a key pair and for a check; `validity` is that of each chain, `keys` the number of key pairs."""

    validity = (NOW - 300 * DAY, NOW + 300 * DAY)
    keys = looks = 0
    fails = False

    async def _make_request(self):
        await clock.sleep_ms(1000)
        if self.fails:
            raise OSError(28)
        self.keys += 1
        self._store.vault.put(NEXT_KEY, b"key %d" % self.keys)
        return "request %d" % self.keys

    async def _check(self, text):
        await clock.sleep_ms(1000)
        if text == "BAD":
            raise CryptoError(UNTRUSTED, "not for the requested key")
        return text.encode()

    def _validity_of(self, chain):
        self.looks += 1
        return self.validity if chain else None


class Unit:
    """The service with the flash, the vault, the settings and what it sends."""

    def __init__(self, profile=3, cpo="Acme", own="OLD", vault=True, ca=None, kind=Renewal):
        timebase.manual()
        flashrig.fresh()
        log.forget()
        clock.set_utc(NOW, "test")
        self.files = flashrig.files()
        self.events = []
        self.sent = []
        self.reconnects = 0
        self.accepted = True
        kept = Vault(self.files, bytes(32)) if vault else None
        self.config = Configuration(self.files, {"CpoName": cpo, "SecurityProfile": str(profile)}, vault=kept)
        note = lambda event, info: self.events.append((event, info))  # noqa: E731
        self.store = CertificateStore(self.files, self.config, note, kept, {"ca": ca, "client_cert": own, "client_key": "old"})
        self.settings = ConnectionSettings(self.config, {"url": "wss://h", "identity": "CP1"}, self.store)
        self.service = kind(self.config, self.store, self.settings, self.post_call, lambda: self.accepted, self.reconnect)

    def post_call(self, action, payload, triggered, failed, done):
        equal((action, sorted(payload)), ("SignCertificate", ["csr"]))
        self.sent.append((payload["csr"], triggered))
        self.failed, self.done = failed, done

    async def reconnect(self):
        self.reconnects += 1

    async def seconds(self, count):
        """So many calls of second(), a second apart."""
        for _ in range(count):
            self.service.second()
            await clock.sleep_ms(1000)

    async def requested(self, answer="Accepted"):
        """A request that was answered."""
        self.service.trigger()
        await clock.sleep_ms(1500)
        self.done({"status": answer})

    def warnings(self):
        """The lines of the log that warn of the end."""
        return len([line for line in log.recent() if "cannot be renewed" in line])

    def ends_in(self, seconds, validity_s=365 * DAY):
        self.service.validity = (NOW + seconds - validity_s, NOW + seconds)


async def test_a_request_that_cannot_be_made_is_no_request_and_another_one_may_be_made_at_once():
    unit = Unit()
    unit.service.fails = True
    unit.service.trigger()
    true(not unit.service.may_renew())
    await clock.sleep_ms(2000)
    equal((unit.sent, unit.service.may_renew()), ([], True))
    unit.service.fails = False
    await unit.requested()
    equal(unit.sent, [("request 1", True)])
    equal(await unit.service.signed("CHAIN"), "Accepted", "no key is being generated any more")


async def test_a_request_that_the_back_end_refuses_leaves_no_key_and_another_one_may_be_made_at_once():
    unit = Unit()
    await unit.requested("Rejected")
    equal((unit.store.vault.names(), unit.service.may_renew()), ([], True))

    def dead(_name):
        raise OSError(5)

    unit.store.vault.delete = dead
    await unit.requested("Rejected")
    true(unit.service.may_renew(), "whatever the flash does")


async def test_a_request_is_pending_for_ten_minutes_after_it_was_accepted():
    unit = Unit()
    await unit.requested()
    await clock.sleep_s(590)
    true(not unit.service.may_renew())
    await clock.sleep_s(10)
    true(unit.service.may_renew())


async def test_a_request_without_an_answer_ends_and_a_triggered_one_that_the_link_lost_is_made_again_once():
    for triggered, accepted, wanted in ((False, False, 1), (False, True, 1), (True, True, 1), (True, False, 2)):
        unit = Unit()
        unit.service.renew(triggered)
        await clock.sleep_ms(1500)
        unit.accepted = accepted
        unit.failed()
        true(unit.service.may_renew())
        await unit.seconds(60)
        equal(len(unit.sent), 1, "without a link")
        unit.accepted = True
        await unit.seconds(60)
        equal(len(unit.sent), wanted, (triggered, accepted))
        if wanted == 2:
            equal(unit.sent[1], ("request 2", True))
            unit.done({"status": "Rejected"})
            await unit.seconds(300)
            equal(len(unit.sent), 2, "it is no longer owed")


async def test_no_request_is_made_without_a_vault_or_while_a_certificate_is_checked_or_kept():
    true(not Unit(vault=False).service.may_renew())
    unit = Unit()
    await unit.requested()
    task = asyncio.create_task(unit.service.signed("CHAIN"))
    await clock.sleep_ms(500)
    unit.service._busy_until_s = 0
    true(not unit.service.may_renew(), "it is checked")
    await task
    true(not unit.service.may_renew(), "it is kept")
    unit.store.drop_next()
    true(unit.service.may_renew())


async def test_a_certificate_is_refused_when_it_is_too_long_and_when_there_is_no_vault_for_its_key_wp17():
    unit = Unit()
    await unit.requested()
    equal(await unit.service.signed("x" * (unit.config.get_int("CertificateSignedMaxChainSize") + 1)), "Rejected")
    equal((unit.events, unit.store.has_next()), ([(REFUSED, "chain too long")], False))
    unit = Unit(vault=False)
    equal(await unit.service.signed("CHAIN"), "Rejected")
    equal((unit.events, unit.store.has_next()), ([(REFUSED, "another one is on trial")], False))


async def test_a_certificate_is_refused_while_another_one_is_on_trial_wp18():
    unit = Unit()
    await unit.requested()
    equal(await unit.service.signed("CHAIN"), "Accepted")
    await unit.service.begin()
    equal(await unit.service.signed("OTHER"), "Rejected")
    equal(unit.store.client_chain(), b"CHAIN")


async def test_a_certificate_is_refused_while_a_key_is_generated_or_another_one_is_checked_wp17():
    unit = Unit()
    await unit.requested()
    await clock.sleep_s(601)
    unit.service.trigger()
    await clock.sleep_ms(500)
    equal(await unit.service.signed("OF THE FIRST KEY"), "Rejected")
    await clock.sleep_ms(1000)
    equal((unit.store.has_next(), len(unit.sent)), (False, 2))
    first = asyncio.create_task(unit.service.signed("CHAIN"))
    await clock.sleep_ms(500)
    equal(await unit.service.signed("OTHER"), "Rejected")
    equal((await first, unit.files.read(NEXT_CHAIN)), ("Accepted", b"CHAIN"))


async def test_a_certificate_that_does_not_fit_is_an_event_and_one_for_a_request_before_the_start_up_is_taken_wp17():
    unit = Unit()
    equal(await unit.service.signed("BAD"), "Rejected")
    equal((unit.events, unit.store.has_next()), ([(REFUSED, "untrusted: not for the requested key")], False))
    equal(await unit.service.signed("CHAIN"), "Accepted")
    equal(unit.files.read(NEXT_CHAIN), b"CHAIN")


async def test_only_a_certificate_for_the_key_of_the_request_and_of_the_next_month_is_taken_wp17_wp18():
    authority = Authority()
    unit = Unit(ca=authority.root, kind=CertificateRenewal)
    good = authority.sign(authority.public, name("CP1", "Acme"))
    equal(await unit.service.signed(good), "Rejected")
    request = await unit.service._make_request()
    equal(await unit.service.signed(good), "Rejected")
    equal(await unit.service.signed(authority.answer(request, begins=31 * DAY)), "Rejected")
    told = [info for _, info in unit.events]
    equal(told[:2], ["untrusted: no certificate was requested", "untrusted: not for the requested key"])
    true(told[2].startswith("not yet valid"), told)
    chain = authority.answer(request, begins=29 * DAY)
    equal(await unit.service.signed(chain), "Accepted")
    equal(unit.files.read(NEXT_CHAIN), chain.encode())


async def test_a_unit_without_a_certificate_has_nothing_to_renew_wp15():
    unit = Unit(own=None, kind=CertificateRenewal)
    await unit.seconds(60)
    equal(unit.sent, [])


async def test_after_a_refused_certificate_another_request_may_be_made_at_once():
    unit = Unit()
    write = unit.files.write

    def full(path, data):
        raise OSError(28)

    await unit.requested()
    unit.files.write = full
    equal(await unit.service.signed("CHAIN"), "Rejected")
    unit.files.write = write
    true(unit.service.may_renew())
    await unit.requested()
    equal(await unit.service.signed("CHAIN"), "Accepted", "none is being checked")


async def test_a_connection_without_a_certificate_takes_a_new_one_at_once_and_only_once():
    for profile in (1, 2):
        unit = Unit(profile)
        await unit.service.begin()
        equal(unit.events, [], "there is none")
        await unit.requested()
        equal(await unit.service.signed("CHAIN"), "Accepted")
        await unit.service.begin()
        await unit.service.begin()
        equal(unit.events, [("CertificateInstalled", "charge point certificate")])
        equal((unit.files.read(CHAIN), unit.store.vault.get(KEY), unit.store.has_next()), (b"CHAIN", b"key 1", False))
        equal((unit.reconnects, unit.store.trying), (0, False))


async def test_the_trial_of_a_certificate_begins_once_and_not_before_its_time_or_without_the_time_wp18():
    unit = Unit()
    await unit.requested()
    equal(await unit.service.signed("CHAIN"), "Accepted")
    for validity in (None, (NOW + 600, NOW + DAY)):
        unit.service.validity = validity
        await unit.service.begin()
        equal((unit.reconnects, unit.store.trying), (0, False), validity)
    unit.service.validity = (NOW - 600, NOW + DAY)
    known, clock._zero_s = clock._zero_s, None
    await unit.service.begin()
    equal((unit.reconnects, unit.store.trying), (0, False), "without the time")
    clock._zero_s = known
    await unit.service.begin()
    await unit.service.begin()
    equal((unit.reconnects, unit.store.trying, unit.store.client_chain()), (1, True, b"CHAIN"))
    equal(unit.events, [], "it is not installed before it has proved itself")


async def test_what_is_kept_is_begun_by_itself_once_the_unit_is_accepted_and_not_while_it_is_on_trial():
    unit = Unit()
    await unit.requested()
    equal(await unit.service.signed("CHAIN"), "Accepted")
    unit.accepted = False
    await unit.seconds(60)
    equal(unit.reconnects, 0)
    unit.accepted = True
    await unit.seconds(120)
    equal(unit.reconnects, 1)


async def test_the_certificate_is_read_every_thirty_seconds_and_not_while_a_request_is_pending():
    unit = Unit()
    await unit.seconds(120)
    equal((unit.service.looks, unit.sent), (4, []))
    await unit.requested()
    unit.service.looks = 0
    await unit.seconds(300)
    equal(unit.service.looks, 0)


async def test_a_renewal_is_due_when_a_month_or_a_third_is_left_and_again_after_its_pause_wp15_wp16():
    for left_s, validity_s, pause_s in (
        (29 * DAY, 365 * DAY, DAY), (9 * DAY, 30 * DAY, DAY), (3600, 15000, 3600), (DAY // 2, 2 * DAY, 14400),
    ):  # fmt: skip
        unit = Unit()
        unit.ends_in(left_s, validity_s)
        await unit.seconds(40)
        equal(unit.sent, [("request 1", False)], left_s)
        unit.done({"status": "Rejected"})
        await clock.sleep_s(pause_s - 100)
        await unit.seconds(40)
        equal(len(unit.sent), 1, left_s)
        await unit.seconds(90)
        equal(len(unit.sent), 2, left_s)


async def test_no_renewal_before_its_time_without_the_time_without_a_certificate_or_before_accepted_wp15():
    unit = Unit()
    unit.ends_in(34 * DAY)
    await unit.seconds(60)
    unit.ends_in(DAY)
    unit.accepted = False
    await unit.seconds(60)
    unit.accepted = True
    known, clock._zero_s = clock._zero_s, None
    await unit.seconds(60)
    clock._zero_s = known
    equal(unit.sent, [])
    bare = Unit(own=None)
    await bare.seconds(60)
    equal(bare.sent, [])


async def test_units_renew_up_to_a_tenth_of_the_time_earlier_by_chance_wp15():
    for chance, days, due in ((0, 31, False), (65535, 32, True), (65535, 34, False)):
        unit = Unit()
        unit.service._chance = chance
        unit.ends_in(days * DAY)
        await unit.seconds(40)
        equal(len(unit.sent), 1 if due else 0, (chance, days))


async def test_a_certificate_that_cannot_be_renewed_without_a_name_is_one_event_and_a_log_line_a_day_wp15():
    unit = Unit(cpo="")
    unit.ends_in(DAY)
    await unit.seconds(100)
    equal((unit.events, unit.sent), ([(REFUSED, "expires, cannot be renewed without a CpoName")], []))
    for hours, lines in ((23, 1), (2, 2), (20, 2), (5, 3)):
        await clock.sleep_s(hours * 3600 - 40)
        await unit.seconds(40)
        equal((len(unit.events), unit.warnings()), (1, lines), hours)
    named = Unit()
    named.ends_in(DAY)
    await named.requested()
    await clock.sleep_s(3600)
    named.store.files.write(NEXT_CHAIN, b"x")
    equal((named.service._is_due(), named.events), (False, []), "it has a name: there is nothing to warn of")
