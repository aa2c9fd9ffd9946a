"""New settings of the link on trial: kept when they connect, gone when they do not, the power cut at any write (WP-4, 18)."""

import flashrig
from check import equal, raises, true

from charger.config.configuration import Configuration
from charger.credentials import certificate_store
from charger.credentials.vault import Vault
from charger.ocpp.transport import credential_trial
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.runtime import cooperative
from sim import flash as simflash

HEAP = 8 * 1024 * 1024
DEVICE_KEY = bytes(range(32))
OLD, NEW = "0123456789abcdef", "fedcba9876543210"
CSMS = {"url": "wss://h", "identity": "CP1", "ca": "a root"}
MODES = (simflash.DROP, simflash.HALF, simflash.LATE)


class Unit:
    """The state of a start-up with this flash."""

    def __init__(self, profile=1, factory_key=None):
        self.events = []
        self.files = flashrig.files()
        self.vault = Vault(self.files, DEVICE_KEY)
        self.config = Configuration(self.files, {"SecurityProfile": str(profile)}, vault=self.vault)
        note = lambda event, info: self.events.append((event, info))  # noqa: E731
        self.store = certificate_store.CertificateStore(
            self.files, self.config, note, self.vault, {"ca": "a root", "client_cert": "OLD", "client_key": "old"})
        self.settings = ConnectionSettings(self.config, dict(CSMS, basic_auth_password=factory_key), self.store)

    def link(self):
        """The credentials in force: profile, password, certificate and its key."""
        return (self.settings.security_profile, self.settings.basic_key, self.settings.client_cert, self.settings.client_key)

    def connected(self):
        """As ConnectionSettings.opened() does, at one go."""
        if self.settings._change is not None and self.settings.change().active:
            self.settings.change().opened()
            cooperative.run_now(self.settings.change().finish())

    def attempts(self, good, most=6):
        """Attempts at a back end that takes what is good only."""
        for _ in range(most):
            if self.link() == good:
                self.connected()
                return
            self.settings.failed("auth")
        raise AssertionError("never back: %s" % (self.link(),))

    def begin_certificate(self):
        self.vault.put(certificate_store.NEXT_KEY, b"new")
        self.files.write(certificate_store.NEXT_CHAIN, b"NEW")
        self.settings.change().begin_certificate()


def _raise_profile(unit):
    equal(unit.config.change("SecurityProfile", "2"), "Accepted")


def _change_key(unit):
    equal(unit.config.change("AuthorizationKey", NEW), "Accepted")


def _change_certificate(unit):
    unit.begin_certificate()


def _both(unit):
    _change_key(unit)
    _raise_profile(unit)


# what is changed, from which profile, with the key of the factory or of the vault, what the link is made with then
CASES = (
    (_raise_profile, 1, "vault", (2, OLD.encode(), "OLD", "old")),
    (_change_key, 1, "vault", (1, NEW.encode(), "OLD", "old")),
    (_change_key, 2, "factory", (2, NEW.encode(), "OLD", "old")),
    (_both, 1, "factory", (2, NEW.encode(), "OLD", "old")),
    (_change_certificate, 3, "vault", (3, OLD.encode(), b"NEW", b"new")),
)  # fmt: skip


def _fresh(profile, kind):
    device = flashrig.fresh()
    if kind == "vault":
        Vault(flashrig.files(), DEVICE_KEY).put("ocpp/authorization-key", OLD.encode())
    return device, lambda: Unit(profile, OLD if kind == "factory" else None)


def test_new_credentials_are_kept_on_connect_else_rolled_back():
    for change, profile, kind, after in CASES:
        for works in (True, False):
            _, start = _fresh(profile, kind)
            unit = start()
            before = unit.link()
            change(unit)
            equal(unit.link(), after)
            unit.attempts(after if works else before)
            for again in (unit, start()):
                equal(again.link(), after if works else before, change.__name__)
            equal([n for n in unit.vault.names() if "old" in n or "next" in n], [])
            true(not unit.files.exists(credential_trial.FILE) and not unit.files.exists(certificate_store.NEXT_CHAIN))


def test_a_power_cut_at_any_write():
    """Until the change has its answer the old may be there; afterwards what the back end takes is what remains."""
    for change, profile, kind, after in CASES:
        for works in (True, False):
            at = 0
            while _cut(change, profile, kind, after, works, at):
                at += 1
            true(at > 3)


def _cut(change, profile, kind, after, works, at) -> bool:
    """False when the power was not cut at all."""
    device, start = _fresh(profile, kind)
    unit = start()
    before = unit.link()
    device.cut_after(at, MODES[at % 3])
    answered = False
    good = after if works else before
    try:
        change(unit)
        answered = True
        unit.attempts(good)
    except (OSError, AssertionError):
        pass  # a change that could not be written is Rejected: equal() says so
    cut = not device.powered
    if not cut:
        return False
    device = flashrig.restart(device)
    unit = start()
    if works and not answered and unit.link() != after:
        good = unit.link()
        true(good[1] in (OLD.encode(), NEW.encode()) and good[2:] in (before[2:], after[2:]), good)
    unit.attempts(good)
    equal(start().link(), good, "%s, cut at %d" % (change.__name__, at))
    true(not flashrig.files().exists(credential_trial.FILE), "the trial is over")
    return True


def test_what_was_not_written_before_the_power_failed_or_is_gone_is_not_on_trial():
    """The profile on trial is the one of before, or there is no certificate on trial any more."""
    for record in ({"profile": 3}, {"certificate": True}):
        _, start = _fresh(3, "vault")
        flashrig.files().write_json(credential_trial.FILE, record)
        unit = start()
        true(not unit.settings.change().active, record)
        equal([unit.settings.failed("auth") for _ in range(5)], [False] * 5)
        equal((unit.events, unit.files.exists(credential_trial.FILE)), ([], False))


def test_new_certificate_is_kept_while_the_back_end_is_unreachable():
    """No network is no verdict on it; four verdicts are, with the event."""
    _, start = _fresh(3, "vault")
    unit = start()
    unit.begin_certificate()
    for cause in ("dns", "refused", "timeout") * 5:
        true(not unit.settings.failed(cause))
    equal([unit.settings.failed("own-cert") for _ in range(4)], [False, False, False, True])
    equal(unit.link()[2:], ("OLD", "old"))
    true([info for event, info in unit.events if event == "InvalidChargePointCertificate"])


def test_a_key_that_no_connection_uses_is_not_on_trial():
    """Under profile 0 and 3 there is nothing that could prove it; it counts when the profile is raised."""
    _, start = _fresh(0, "factory")
    unit = start()
    _change_key(unit)
    true(not unit.settings.change().active)
    for _ in range(9):
        unit.settings.failed("refused")
    equal(start().link()[1], NEW.encode())


def test_a_change_and_a_certificate_in_use_are_events():
    reconfigured = "ReconfigurationOfSecurityParameters"
    for change, profile, told in (
        (_raise_profile, 1, (reconfigured, "SecurityProfile")), (_change_key, 1, (reconfigured, "AuthorizationKey")),
        (_change_certificate, 3, ("CertificateInstalled", "charge point certificate")),
    ):  # fmt: skip
        _, start = _fresh(profile, "vault")
        unit = start()
        change(unit)
        unit.connected()
        true(told in unit.events, unit.events)


def test_a_certificate_that_comes_before_a_proven_key_is_completed_is_on_trial():
    """And what is proven is on flash before anything old is removed."""
    _, start = _fresh(2, "vault")
    unit = start()
    _change_key(unit)
    unit.settings.change().opened()
    true("proven" in unit.files.read_json(credential_trial.FILE))
    _change_certificate(unit)
    true(unit.settings.change().active)
    equal([unit.settings.failed("own-cert") for _ in range(4)], [False, False, False, True])
    equal(start().link(), (2, NEW.encode(), "OLD", "old"))


def test_a_further_change_has_all_its_attempts():
    for profile, change, cause, told in (
        (1, _change_key, "auth", ["does not connect (auth), key restored"]), (3, _change_certificate, "own-cert", []),
    ):  # fmt: skip
        _, start = _fresh(profile, "vault")
        unit = start()
        for failures in (3, 4):
            change(unit)
            equal([unit.settings.failed(cause) for _ in range(failures)], [False] * 3 + [True] * (failures - 3))
        true(not unit.settings.change().active and not unit.files.exists(credential_trial.FILE), "the trial is over")
        equal([info for _, info in unit.events if "restored" in info], told)


def test_a_second_change_while_the_first_is_being_completed():
    _, start = _fresh(1, "vault")
    unit = start()
    _change_key(unit)
    change = unit.settings.change()
    change.opened()
    steps = change.finish()
    next(steps)
    equal(unit.config.change("AuthorizationKey", "a third key, why"), "Accepted")
    for _ in steps:
        pass
    true(change.active)
    unit.attempts((1, NEW.encode(), "OLD", "old"))
    equal(start().link()[1], NEW.encode())


def test_broken_vault_never_falls_back_to_the_factory_password_sec10():
    _fresh(1, "vault")
    name = next(n for n in flashrig.files().names("vault") if n != "index")
    flashrig.files().write("vault/" + name, b"x" * 80)
    unit = Unit(1, OLD)
    equal(unit.settings.basic_key, None)
    raises(OSError, Configuration(unit.files).put, "AuthorizationKey", NEW)
