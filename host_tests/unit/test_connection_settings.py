"""The settings of the link to the back end: its values, what each security profile needs, a change on trial (WP-3)."""

import asyncio

import check
from check import equal, true

from charger.config.configuration import Configuration
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.store.files import Files

URL, SECURE = "ws://h:80/ocpp", "wss://h:443/ocpp"


class Store:
    """In place of the CertificateStore: what it is told, and roots, chain and key of its own. `label`: the label's password."""

    def __init__(self, files=None, label=None):
        self.files = files or Files(check.folder())
        self.told = []
        self.vault = self
        self.label = label

    def get(self, name):
        return self.label if name == "label/ocpp" else None

    def connected(self):
        self.told.append("connected")

    def failed(self, cause):
        self.told.append(cause)

    def link_roots(self):
        return "the store's root"

    def client_chain(self):
        return "the store's chain"

    def client_key(self):
        return "the store's key"


class Change:
    """In place of the CredentialTrial."""

    def __init__(self, error=None):
        self.active = True
        self.told = []
        self.error = error

    def _do(self, what):
        self.told.append(what)
        if self.error:
            raise OSError(self.error)

    def opened(self):
        self._do("opened")

    def finish(self):
        self._do("finish")
        yield
        self.active = False

    def failed(self, cause):
        self._do(cause)
        return True


def make(values=None, csms=None, store=None):
    every = {"url": URL, "identity": "CP1"}
    every.update(csms or {})
    return ConnectionSettings(Configuration(Files(check.folder()), values or {}), every, store)


def test_values_are_those_of_the_configuration_at_each_look():
    settings = make({"WebSocketPingInterval": 77, "RetryBackoffWaitMinimum": 5})
    equal((settings.ping_interval_s, settings.backoff_min_s, settings.backoff_random_s), (77, 5, None))
    equal((settings.identity, settings.security_profile, settings.url), ("CP1", 0, URL))
    settings._config.put("WebSocketPingInterval", "78")
    settings._config.put("RetryBackoffRandomRange", "9")
    equal((settings.ping_interval_s, settings.backoff_random_s), (78, 9))


def test_from_profile_2_on_the_url_is_the_secure_one_where_there_is_one_wp4():
    for profile, secure, url in ((1, SECURE, URL), (2, SECURE, SECURE), (3, SECURE, SECURE), (2, "", URL), (2, None, URL)):
        equal(make({"SecurityProfile": profile}, {"secure_url": secure}).url, url, str((profile, secure)))


def test_certificates_are_the_stores_or_without_one_the_factorys():
    csms = {"ca": "A", "client_cert": "B", "client_key": "C"}
    for store, wanted in ((None, ("A", "B", "C")), (Store(), ("the store's root", "the store's chain", "the store's key"))):
        settings = make(None, csms, store)
        equal((settings.ca, settings.client_cert, settings.client_key), wanted)


def test_the_password_is_the_one_set_else_the_factorys_else_the_labels():
    label = Store(label=b"the label's")
    equal(make().basic_key, None)
    equal(make(None, None, label).basic_key, b"the label's")
    equal(make(None, {"basic_auth_password": "the factory's"}, label).basic_key, b"the factory's")
    settings = make({"AuthorizationKey": "0123456789abcdef"}, {"basic_auth_password": "the factory's"}, label)
    equal(settings.basic_key, b"0123456789abcdef")
    label.vault = None
    equal(make(None, None, label).basic_key, None)


def test_in_place_of_a_password_that_is_lost_there_is_none_sec10():
    settings = make(None, {"basic_auth_password": "the factory's"}, Store(label=b"the label's"))

    class Lost(Configuration):
        key_lost = True

    settings._config = Lost(Files(check.folder()))
    equal(settings.basic_key, None)


def test_what_each_profile_needs_wp3():
    """For 1 and 2 a password that the back end has set and an identity without a colon, from 2 on a root, for 3 a certificate."""
    password, root = {"basic_auth_password": "p" * 16}, {"ca": "A"}
    pair = {"client_cert": "B", "client_key": "C"}
    for parts, complete in (
        ((), ()), ((password,), (1,)), ((root,), ()), ((password, root), (1, 2)), ((root, pair), (3,)), ((pair,), ()),
        ((root, {"client_cert": "B"}), ()), ((password, root, pair), (1, 2, 3)),
        ((password, root, pair, {"identity": "CP:1"}), (3,)), ((password, root, {"identity": None}), (1, 2)),
    ):  # fmt: skip
        csms = {}
        for part in parts:
            csms.update(part)
        settings = make(None, csms)
        equal([profile for profile in (1, 2, 3) if settings.complete_for(profile)], list(complete), str(csms))


def test_the_labels_password_is_enough_to_stay_in_a_profile_and_not_to_leave_0():
    for profile, complete in ((0, False), (1, True)):
        settings = make({"SecurityProfile": profile}, None, Store(label=b"the label's"))
        equal(settings.complete_for(1), complete)


def test_a_plain_link_is_one_of_the_home_that_the_owner_allows_outside_of_great_britain():
    for country, allowed, url, plain in (
        ("none", True, URL, True), ("GB", True, URL, False), ("none", False, URL, False), ("none", True, SECURE, False),
        ("none", True, None, False),
    ):  # fmt: skip
        settings = make({"Country": country, "PlainLinkAtHome": allowed, "SecurityProfile": 2}, {"url": url})
        equal((settings.plain, settings.security_profile), (plain, 0 if plain else 2))


def test_without_a_store_nothing_is_on_trial():
    settings = make({"SecurityProfile": 2})
    settings._change = Change()
    settings.opened()
    equal((settings.failed("auth"), settings._change.told), (False, []))


async def test_a_connection_completes_what_is_on_trial():
    for profile, told in ((1, []), (2, ["connected"])):
        store = Store()
        settings = make({"SecurityProfile": profile}, None, store)
        settings.opened()
        equal((store.told, settings._change), (told, None))
        change = settings._change = Change()
        settings.opened()
        await asyncio.sleep_ms(20)
        equal((change.told, settings._change), (["opened", "finish"], None))


async def test_a_trial_that_goes_on_is_kept():
    settings = make(None, None, Store())
    change = settings._change = Change()
    change.finish = lambda: iter(())
    settings.opened()
    await asyncio.sleep_ms(20)
    true(settings._change is change)
    change.active = False
    change.told.clear()
    settings.opened()
    equal((change.told, settings.failed("auth")), ([], False))


async def test_a_flash_that_fails_ends_no_link():
    """The next connection, or the next start, tries again."""
    settings = make(None, None, Store())
    change = settings._change = Change(5)
    settings.opened()
    equal(settings.failed("auth"), False)
    change.error = None
    change.finish = _failing
    settings.opened()
    await asyncio.sleep_ms(20)
    true(settings._change is change)
    equal(change.told, ["opened", "auth", "opened"])


def _failing():
    yield
    raise OSError(5)


def test_each_failure_is_told_and_the_trial_says_whether_the_settings_of_before_are_back():
    store = Store()
    settings = make(None, None, store)
    equal(settings.failed("tcp"), False)
    settings._change = Change()
    equal(settings.failed("auth"), True)
    equal(store.told, ["tcp", "auth"])


def test_a_trial_that_the_power_cut_is_resumed_and_one_that_cannot_be_stops_no_start():
    files = Files(check.folder())
    files.write("ocpp_trial.json", b"{}")
    resumed = []

    class Settings(ConnectionSettings):
        error = None

        def change(self):
            return self

        def resume(self):
            resumed.append(1)
            if self.error:
                raise OSError(self.error)

    config = Configuration(Files(check.folder()))
    Settings(config, {"url": URL, "identity": "CP1"}, Store(files))
    Settings.error = 5
    Settings(config, {"url": URL, "identity": "CP1"}, Store(files))
    Settings(config, {"url": URL, "identity": "CP1"}, Store())
    equal(len(resumed), 2)
