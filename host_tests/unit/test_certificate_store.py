"""The certificates on flash, without arithmetic: the roots that a connection believes, the pair that it shows (WP-18 to 21)."""

import flashrig
from ca import Authority
from check import equal, true

from charger.config.configuration import Configuration
from charger.credentials.certificate_store import CENTRAL_SYSTEM, CHAIN, KEY, MANUFACTURER, NEXT_CHAIN, NEXT_KEY, CertificateStore
from charger.credentials.vault import Vault
from charger.runtime.cooperative import run_now
from sim import timebase

HEAP = 8 * 1024 * 1024
FACTORY = {"ca": "FACTORY", "client_cert": "OLD", "client_key": "old"}
WANTED = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "1"}


class Unit:
    """A store over a flash that may hold something already."""

    def __init__(self, fresh=True, checks=False, vault=True, factory=None):
        timebase.manual()
        if fresh:
            flashrig.fresh()
        self.files = flashrig.files()
        self.events = []
        self.vault = Vault(self.files, bytes(range(32))) if vault else None
        self.config = Configuration(self.files, {"AdditionalRootCertificateCheck": str(checks).lower()})
        note = lambda event, info: self.events.append((event, info))  # noqa: E731
        self.store = CertificateStore(self.files, self.config, note, self.vault, FACTORY if factory is None else factory)

    def put(self, **roots):
        for name, content in roots.items():
            self.files.write("roots/" + name, content)

    def with_next(self):
        self.files.write(NEXT_CHAIN, b"NEW")
        self.vault.put(NEXT_KEY, b"new")

    def pair(self):
        return self.store.client_chain(), self.store.client_key()


class Link:
    """A connection to a server with this certificate."""

    def peer_certificate(self):
        return b"DER"


def test_the_certificate_of_the_server_is_that_of_the_link():
    store = Unit().store
    equal(store.peer(), None)
    store.use_link(Link())
    equal(store.peer(), b"DER")


def test_an_issuers_key_without_its_root_is_deleted_at_the_start_and_no_other_file():
    unit = Unit()
    unit.put(c0001=b"ROOT", m0002=b"MAKER")
    for name in ("c0001.key", "c0003.key"):
        unit.files.write("roots/" + name, b"key")
    again = Unit(fresh=False)
    equal(sorted(again.files.names("roots")), ["c0001", "c0001.key", "m0002"])
    equal((again.store.names(CENTRAL_SYSTEM), again.store.names(MANUFACTURER)), (["roots/c0001"], ["roots/m0002"]))


def test_roots_of_a_kind_are_those_of_the_factory_and_the_installed_ones():
    unit = Unit()
    equal((unit.store.roots(CENTRAL_SYSTEM), unit.store.roots(MANUFACTURER)), (b"FACTORY", None))
    unit.put(c0001=b"ONE", c0002=b"TWO", m0001=b"MAKER")
    equal((unit.store.roots(CENTRAL_SYSTEM), unit.store.roots(MANUFACTURER)), (b"FACTORY\nONE\nTWO", b"MAKER"))
    equal(unit.store.deleted_factory_roots(), [])
    unit.files.write_json("roots_gone.json", {"of": "another form"})
    equal(unit.store.deleted_factory_roots(), [])
    unit.files.write_json("roots_gone.json", ["00"])
    equal(unit.store.deleted_factory_roots(), ["00"])
    bare = Unit(factory={}).store
    equal((bare.roots(CENTRAL_SYSTEM), bare.link_roots(), bare.client_chain(), bare.client_key()), (None, None, None, None))


def test_a_connection_believes_all_roots_unless_the_additional_check_is_on_wp20():
    for checks in (False, True):
        unit = Unit(checks=checks)
        equal(unit.store.link_roots(), b"FACTORY", "nothing is installed")
        unit.store.failed("untrusted")
        unit.store.connected()
        unit.put(c0001=b"ONE", c0002=b"TWO")
        equal(unit.store.link_roots(), b"TWO" if checks else b"FACTORY\nONE\nTWO")


def test_under_the_additional_check_a_refused_server_certificate_alone_leads_to_the_other_roots_and_back_wp20():
    unit = Unit(checks=True)
    unit.put(c0001=b"ONE", c0002=b"TWO")
    unit.store.failed("timeout")
    equal(unit.store.link_roots(), b"TWO", "no word on the certificate")
    for cause in ("untrusted", "expired", "certificate", "proof"):
        unit.store.failed(cause)
        equal(unit.store.link_roots(), b"FACTORY\nONE", cause)
        unit.store.failed(cause)
        equal(unit.store.link_roots(), b"TWO", cause)
    unit.store.failed("untrusted")
    unit.store.connected()
    equal(unit.files.names("roots"), ["c0001", "c0002"], "the newest root has not proved itself")
    alone = Unit(checks=True, factory={})
    alone.put(c0001=b"ONE")
    alone.store.failed("untrusted")
    equal(alone.store.link_roots(), b"ONE", "there is no other one")


def test_under_the_additional_check_the_newest_root_is_the_only_one_once_it_has_connected_wp20():
    one, two = [Authority(name).root.encode() for name in ("One", "Two")]
    for checks, wanted in ((True, ["roots/c0002"]), (False, ["roots/c0001", "roots/c0002"])):
        unit = Unit(checks=checks, factory={})
        unit.put(c0001=one, c0002=two)
        unit.store.connected()
        equal(unit.store.names(CENTRAL_SYSTEM), wanted, checks)


def test_the_pair_is_the_factorys_the_units_own_or_the_one_on_trial():
    unit = Unit()
    equal(unit.pair(), ("OLD", "old"))
    unit.files.write(CHAIN, b"OWN")
    unit.vault.put(KEY, b"own")
    equal(unit.pair(), (b"OWN", b"own"))
    true(not unit.store.has_next())
    unit.with_next()
    true(unit.store.has_next())
    equal(unit.pair(), (b"OWN", b"own"), "not yet")
    unit.store.trying = True
    equal(unit.pair(), (b"NEW", b"new"))
    equal(Unit(vault=False).store.client_key(), "old")


def test_a_new_pair_takes_the_place_of_the_old_one_also_when_it_is_interrupted_anywhere_wp18():
    steps = 0
    while True:
        unit = Unit()
        unit.with_next()
        unit.store.trying = True
        slices = unit.store.promote()
        whole = False
        try:
            for _ in range(steps):
                next(slices)
        except StopIteration:
            whole = True
        if whole:
            equal((unit.store.trying, unit.store.has_next(), unit.vault.get(NEXT_KEY)), (False, False, None))
            equal(unit.pair(), (b"NEW", b"new"))
            break
        equal(unit.pair(), (b"NEW", b"new"), steps)
        again = Unit(fresh=False)
        run_now(again.store.promote())
        equal((again.pair(), again.store.has_next(), again.vault.get(NEXT_KEY)), ((b"NEW", b"new"), False, None), steps)
        steps += 1
    equal(steps, 4, "a step for each write")


def test_a_chain_without_its_key_or_without_content_never_takes_the_place_of_the_old_one_wp18():
    for lost in ("key", "chain"):
        unit = Unit()
        unit.with_next()
        unit.store.trying = True
        if lost == "key":
            unit.vault.delete(NEXT_KEY)
        else:
            with open(unit.files.path(NEXT_CHAIN), "wb") as file:
                file.write(b"torn")
        run_now(unit.store.promote())
        equal((unit.pair(), unit.store.has_next(), unit.store.trying), (("OLD", "old"), False, False), lost)
        equal(unit.vault.get(NEXT_KEY), None)


def test_nothing_to_promote_ends_the_trial_and_leaves_no_key():
    unit = Unit()
    unit.vault.put(NEXT_KEY, b"new")
    unit.store.trying = True
    run_now(unit.store.promote())
    equal((unit.store.trying, unit.vault.get(NEXT_KEY), unit.pair()), (False, None, ("OLD", "old")))
    run_now(Unit(vault=False).store.promote())


def test_a_new_pair_that_is_dropped_is_gone_with_its_key():
    unit = Unit()
    unit.with_next()
    unit.store.trying = True
    unit.store.drop_next()
    equal((unit.store.trying, unit.store.has_next(), unit.vault.get(NEXT_KEY)), (False, False, None))
    bare = Unit(vault=False)
    bare.files.write(NEXT_CHAIN, b"NEW")
    bare.store.drop_next()
    true(not bare.store.has_next())


async def test_a_deletion_without_a_readable_flash_is_failed_and_a_refused_certificate_is_an_event_wp23():
    unit = Unit()
    equal(unit.store.refused("Event", "reason"), "Rejected")
    equal(unit.events, [("Event", "reason")])
    CertificateStore(unit.files, unit.config).refused("Event", "nobody listens")

    def dead(_path):
        raise OSError(5)

    unit.files.names = dead
    equal(await unit.store.delete(WANTED), "Failed")
