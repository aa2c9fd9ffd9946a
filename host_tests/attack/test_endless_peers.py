"""Peers that never come to an end: TLS clients that hold the page's places, an update host that begins anew for ever."""

import contextlib
import socket
import threading
import time

from backend import wait_until
from backend.page import Page
from sim.update_rig import maker, outcome, request_update, site, unit  # noqa: F401 - fixtures
from sim.update_server import BLOCK

from .page import label_of, web_words

STRANGER = "127.0.0.2"  # a host of its own beside 127.0.0.1, from which the owner comes


class SlowClients:
    """A host that keeps four connections open at a port, each with one byte of a handshake, and makes new ones at once."""

    def __init__(self, port):
        self._port = port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]
        self.held = 0  # connections that lasted for half a second
        self.made = 0

    def _run(self):
        while not self._end.is_set():
            with contextlib.suppress(OSError), socket.socket() as client:
                client.settimeout(0.5)
                client.bind((STRANGER, 0))
                client.connect(("127.0.0.1", self._port))
                self.made += 1
                client.sendall(b"\x16")
                while not self._end.is_set():
                    try:
                        if not client.recv(1):
                            break
                    except TimeoutError:
                        self.held += 1
            self._end.wait(0.02)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_one_host_with_handshakes_that_never_end_keeps_no_owner_off_the_page_after_a_start(launch, csms):
    """After a start no address is known. The stranger's connections come back at once; the owner logs in, and stays."""
    words, port = web_words()
    sim = launch(options=words, time_scale=1, lab=False)
    csms.wait_booted()
    pin = label_of(sim)["pin"]
    wait_until(lambda: (sim.status().get("web") or {}).get("port"), 30, "the page listens")
    with SlowClients(port) as strangers:
        wait_until(lambda: strangers.held >= 4, 30, "two places are held")
        with Page(port, keep=True) as page:
            began = time.monotonic()
            assert page.login(pin).status == 200
            assert time.monotonic() - began < 15, "within one handshake's limit of the stranger"
            for _ in range(5):
                assert page.request("GET", "/api/status").status == 200
        with Page(port) as again:
            again.cookies.update(page.cookies)
            assert again.login(pin).status == 200
        assert strangers.made > 4
    assert sim.status()["boots"] == 1


def test_an_update_host_that_begins_anew_for_ever_is_given_up(unit, csms, site, maker):  # noqa: F811
    """It answers each range with the whole file and ends each time elsewhere: nine attempts, not one block more is written."""
    sim = unit(time_scale=100)
    since = len(csms.record)
    cuts = [(4 + number % 3) * BLOCK for number in range(200)]
    request_update(csms, site.put("/a", maker(), no_range=True, cuts=cuts))
    assert outcome(csms, since, 120)[-1] == "DownloadFailed"
    assert len(site.requests) == 9
    since = len(csms.record)
    request_update(csms, site.put("/good", maker()))
    assert outcome(csms, since, 120)[-1] == "Installed"
    assert sim.status()["firmware"] == "0.3.0"
