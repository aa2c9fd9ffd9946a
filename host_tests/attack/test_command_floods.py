"""Others send as fast as they can, over the owner's broker and the back end: the owner is answered on each surface."""

import contextlib
import json
import threading
import time

import pytest

from backend import wait_until
from backend.page import Page
from sim.owner import UNIT, Broker, Owner
from sim.tls_peers import Authority

from .page import label_of, web_words

SERIAL = "SIM00001"
COMMANDS = 12


@pytest.fixture
def broker(tmp_path):
    """(the broker, the words of a charger that knows it)."""
    for name in ("authority", "broker"):
        (tmp_path / name).mkdir()
    authority = Authority(tmp_path / "authority")
    (tmp_path / "password").write_text(UNIT[1] + "\n")
    with Broker(tmp_path / "broker", authority.issue("server")) as broker:
        yield broker, ["--mqtt", f"mqtts://{UNIT[0]}@localhost:{broker.port}/home", "--mqtt-ca", authority.root,
                       "--mqtt-password-file", str(tmp_path / "password")]


class Flood:
    """A stranger with the rights of a client at the broker: fifty messages a second, until it is stopped."""

    KINDS = (
        {"do": "hello"}, {"do": "login", "challenge": "0" * 32, "role": "owner", "pin": "11223344", "device": "0" * 56},
        {"do": "update", "token": "0" * 32}, {"do": "acknowledge", "session": "0" * 32, "n": 1}, {"do": "rubbish"},
    )  # fmt: skip

    def __init__(self, broker):
        self._client = Owner(broker, SERIAL, "a stranger")
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def _run(self):
        with contextlib.suppress(OSError):
            while not self._end.wait(0.02):
                text = json.dumps({"id": f"flood{self.sent}", **self.KINDS[self.sent % len(self.KINDS)]})
                self._client.publish("cmd", text.encode())
                self.sent += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self._client.close()


def test_a_flood_over_the_broker_refuses_the_owner_on_no_surface(launch, csms, broker):
    """The owner's session, new login with a known device, program's token and page; a stranger's hello is dropped."""
    words, port = web_words()
    sim = launch(options=[*words, *broker[1]], time_scale=1, lab=False, settings={"ChargeBoxSerialNumber": SERIAL})
    csms.wait_booted()
    pin = label_of(sim)["pin"]
    wait_until(lambda: (sim.status().get("web") or {}).get("port"), 30, "the page listens")
    page = Page(port)
    assert page.login(pin).status == 200
    token = page.post("/api/tokens", action="make", name="HA", rights=["status"])["token"]
    with Owner(broker[0], SERIAL) as owner:
        owner.wait("status", lambda s: s["online"])
        device = owner.log_in("owner", pin)["device"]
        with Flood(broker[0]) as flood:
            wait_until(lambda: flood.sent > 100, 60, "a flood")
            hellos = [owner.send_command(do="hello") for _ in range(3)]  # one may be the first of its second
            assert not all(owner.reply_to(hello, 2) for hello in hellos), "strangers have used up their rate"
            for _ in range(COMMANDS):
                assert owner.do("settings")["ok"]
                assert owner.command(do="update", token=token)["ok"]
                assert page.request("GET", "/api/status").status == 200
            challenge = owner.command(do="hello", device=device, role="owner")["challenge"]
            time.sleep(2)  # a hundred hellos and logins of others
            again = owner.command(do="login", challenge=challenge, role="owner", pin=pin, device=device)
            assert again["ok"]
            with Page(port) as other:
                other.cookies.update(page.cookies)
                assert other.login(pin).status == 200
            csms.call("GetConfiguration")
    assert sim.status()["boots"] == 1
