"""Somebody guesses PINs as fast as he is let, over every surface there is, with restarts and power cuts between (SEC-25)."""

import contextlib
import os

import pytest

from backend import wait_until
from backend.page import Page
from house.source import FIRMWARE
from sim.tls_peers import Authority

from .page import label_of, web_words

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
GUESSES = 10_000 if SOAK else 60
RESTART_EVERY = 250 if SOAK else 17
PATIENT_EVERY = 800 if SOAK else 12  # he waits until he is admitted again
PORTAL_EVERY = 60 if SOAK else 6  # commands of the portal have a rate of their own
HOUR_S = 3600
LONGEST_S = HOUR_S if SOAK else 130  # an hour of a unit's life costs half a minute of ours
FAST = 3000
ROLES = ("owner", "user", "installer")
SERIAL = "SIM00001"


class Unit:
    """The charger under attack, and its time over its restarts, as short as it can have been: what a start-up took
    before it could be asked is left out, so that a rate is never measured too low."""

    def __init__(self, sim):
        self.sim = sim
        self.restarts = 0
        self._before = 0

    def now(self):
        return self._before + self.sim.status()["uptime_ms"] / 1000

    def restart(self):
        """Reset and power cut in turn."""
        self._before = self.now()
        if self.restarts % 2:
            self.sim.kill()
            self.sim.start()
        else:
            self.sim.reboot()
            self.sim.wait_for(lambda s: s.get("starting") or s["uptime_ms"] < 5000, 30, "the restart")
            self.sim.wait_ready()
        self.restarts += 1
        self.wait_open()

    def let_pass(self, seconds):
        """At high speed, and off the network: attempts to connect would make it a slow one."""
        self.sim.network_down()
        self.sim.set_time_scale(FAST)
        self.sim.let_pass(seconds, timeout_s=240)
        self.sim.set_time_scale(1)
        self.sim.network_up()  # whatever waits to connect again does it now

    def wait_open(self):
        """All surfaces answer."""
        wait_until(lambda: (self.sim.status().get("web") or {}).get("port"), 30, "the page listens")

    def entries(self, event):
        """The last entries of this event in the security log."""
        return [entry for entry in self.sim.command("security_log", count=100)["entries"] if entry["event"] == event]


class ByPage:
    """A stranger at the page, on one connection as long as the unit lets him. (admitted, seconds to wait)"""

    def __init__(self, port):
        self._page = Page(port, keep=True)

    def close(self):
        self._page.close()

    def __call__(self, pin, role):
        answer = self._page.login(pin, role)
        assert self._page.cookies == {}
        assert answer.status in (401, 429), answer
        return answer.status == 401, int(answer.headers.get("Retry-After", 0))


class ByPortal:
    """A stranger who has got into the owner's broker."""

    def __init__(self, unit, owner):
        self._unit, self._owner = unit, owner

    def __call__(self, pin, role):
        self._unit.sim.set_time_scale(20)  # after a break it takes its time to connect again
        wait_until(lambda: self._unit.sim.status()["portal"]["connected"], 120, "the portal's connection")
        self._unit.sim.set_time_scale(1)
        answer = self._owner.log_in(role, pin)
        assert not answer["ok"] and answer["error"] in ("login", "wait"), answer
        return answer["error"] == "login", answer.get("wait_s", 0)


@pytest.fixture
def portal(tmp_path):
    """(options of the charger, function of a unit that gives the surface), or None where the firmware has no portal."""
    if not (FIRMWARE / "charger" / "mqtt_client").exists():
        yield None
        return
    from sim.owner import UNIT, Broker, Owner

    for name in ("authority", "broker"):
        (tmp_path / name).mkdir()
    authority = Authority(tmp_path / "authority")
    (tmp_path / "password").write_text(UNIT[1] + "\n")
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(Broker(tmp_path / "broker", authority.issue("server")))
        words = ["--mqtt", f"mqtts://{UNIT[0]}@localhost:{broker.port}/home", "--mqtt-ca", authority.root,
                 "--mqtt-password-file", str(tmp_path / "password")]
        yield words, lambda unit: ByPortal(unit, stack.enter_context(Owner(broker, SERIAL)))


def attack(unit, surfaces, owner_gets_in):
    """When guesses were admitted, by the unit's time."""
    admitted = []
    for number in range(GUESSES):
        by_portal = len(surfaces) > 1 and number % PORTAL_EVERY == PORTAL_EVERY - 1
        before = unit.now()
        right_time, wait_s = surfaces[by_portal](f"{(10_203_040 + number * 7919) % 10**8:08d}", ROLES[number % 3])
        if right_time:
            admitted.append(before)
        if number % (200 if SOAK else 20) == 19:
            owner_gets_in()
        if number % RESTART_EVERY == RESTART_EVERY - 1:
            unit.restart()
        elif number % PATIENT_EVERY == PATIENT_EVERY - 1:
            unit.let_pass(min(wait_s, LONGEST_S) + 1)
    return admitted


def test_guesses_over_all_surfaces_stay_at_the_documented_rate(launch, csms, portal):
    """docs/SECURITY.md: at most 11 in the first hour and one in each later one, whatever is tried; each is in the log; the
    owner's own telephone gets in all the while. `make soak` makes 10,000 guesses."""
    words, port = web_words()
    sim = launch(options=[*words, *(portal[0] if portal else ())], time_scale=1, lab=False,
                 settings={"ChargeBoxSerialNumber": SERIAL})
    csms.wait_booted()
    label = label_of(sim)
    unit = Unit(sim)
    unit.wait_open()
    surfaces = [ByPage(port), *([portal[1](unit)] if portal else [])]
    device = {}

    def owner_gets_in():
        with Page(port) as page:
            page.cookies.update(device)
            assert page.login(label["pin"]).status == 200
            device.update(page.cookies)

    owner_gets_in()
    with contextlib.closing(surfaces[0]):
        admitted = attack(unit, surfaces, owner_gets_in)
    assert unit.restarts >= 3 and len(admitted) >= 7
    for start in admitted:
        assert len([at for at in admitted if start <= at < start + HOUR_S]) <= 11, start
    assert len(admitted) <= 11 + (unit.now() - admitted[0]) // HOUR_S
    assert SOAK or len(unit.entries("PinRefused")) == len(admitted)
    assert unit.entries("PinLockout") and sim.command("security_log")["broken"] is None
    with Page(port) as page:  # not even the right one, without the telephone
        assert page.login(label["pin"]).status == 429
