"""The captive portal of the set-up network: DNS and plain HTTP lead to the page while it is open, and at no other time."""

import contextlib
import http.client
import socket
import struct

import pytest

from backend.simulator import free_port
from backend.waiting import wait_until

from .test_listeners import WIFI, listeners

PROBES = ("/generate_204", "/gen_204", "/hotspot-detect.html", "/library/test/success.html", "/ncsi.txt", "/connecttest.txt",
          "/canonical.html", "/success.txt", "/redirect")


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def new_unit(launch):
    """A unit without a network, `names` and `plain` the ports of the portal, `web` that of the page."""
    ports = {"names": free_udp_port(), "plain": free_port(), "web": free_port()}
    settings = {**WIFI, "SetupPorts": f"{ports['names']}/{ports['plain']}"}
    sim = launch(settings=settings, csms_url=None, options=["--web", f"127.0.0.1:{ports['web']}"])
    for name, port in ports.items():
        setattr(sim, name, port)
    sim.wait_for(lambda s: listeners(sim) == open_ports(sim), 60, "the portal")
    return sim


def open_ports(sim):
    return {("udp", sim.names), ("tcp", sim.plain), ("tcp", sim.web)}


def look_up(sim, name, kind=1):
    """The addresses that a name has, asked by a datagram as a phone does."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + struct.pack(">BHH", 0, kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", sim.names))
        client.send(struct.pack(">HHHHHH", 0xABCD, 0x0100, 1, 0, 0, 0) + question)
        answer = client.recv(512)
    number, flags, questions, records, _, _ = struct.unpack(">HHHHHH", answer[:12])
    assert (number, flags & 0x800F, questions) == (0xABCD, 0x8000, 1) and answer[12 : 12 + len(question)] == question
    found = answer[12 + len(question) :]
    assert len(found) == 16 * records
    return [socket.inet_ntoa(found[at + 12 : at + 16]) for at in range(0, len(found), 16)]


def ask(sim, path, method="GET", body=None):
    """(status, Location, text) of plain HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", sim.plain, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Host": "connectivitycheck.gstatic.com"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read().decode()


def test_a_phone_is_led_to_the_page_and_both_servers_close_with_the_setup_network(new_unit):
    sim = new_unit
    for name in ("connectivitycheck.gstatic.com", "captive.apple.com", "www.msftconnecttest.com", "detectportal.firefox.com"):
        assert look_up(sim, name) == ["127.0.0.1"]
    assert look_up(sim, "captive.apple.com", 28) == look_up(sim, "captive.apple.com", 65) == []
    for path in PROBES:
        assert ask(sim, path) == (302, f"http://127.0.0.1:{sim.plain}/", "")
    status, _, page = ask(sim, "/")
    assert status == 200 and f'<a href="https://127.0.0.1:{sim.web}/">' in page and "<form" not in page
    assert ask(sim, "/", "POST", b"pin=12345678")[0] == 405
    sim.command("wifi", on=False)  # the uplink is cut: the portal is not on it
    assert look_up(sim, "captive.apple.com") == ["127.0.0.1"]
    sim.command("wifi", on=True)
    sim.command("wifi", ssid=WIFI["WifiNetwork"].split("/")[0], password=WIFI["WifiNetwork"].split("/")[1])
    sim.wait_for(lambda s: s["wifi"]["up"], 60, "Wi-Fi")
    assert look_up(sim, "captive.apple.com") == ["127.0.0.1"]  # the minute in which the page tells where it is found
    sim.set_time_scale(20)
    sim.wait_for(lambda s: not s["wifi"]["setup_s"], 60, "the end of the setup network")
    wait_until(lambda: listeners(sim) == {("tcp", sim.web)}, 30, "the end of the portal")


def test_floods_and_slow_clients_hold_nothing_up(new_unit):
    """2,000 datagrams, 60 connections that say nothing, a head without an end: probes are answered, the tick is in time."""
    sim = new_unit
    with contextlib.ExitStack() as stack:
        flood = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for number in range(2000):
            flood.sendto(bytes([number & 0xFF]) * (number % 600), ("127.0.0.1", sim.names))
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", sim.plain), 20)) for _ in range(60)]
        for client in silent[:3]:
            with contextlib.suppress(OSError):
                client.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * 10000)
        wait_until(lambda: look_up(sim, "captive.apple.com") == ["127.0.0.1"], 60, "an answer after the flood")

        def answered():
            try:
                return ask(sim, "/generate_204")[0] == 302
            except (OSError, http.client.HTTPException):
                return False

        wait_until(answered, 60, "a place after the slow clients")
    status = sim.status()
    assert status["boots"] == 1 and status["failed_task"] is None and status["tick"]["max_gap_ms"] <= 100
    assert listeners(sim) == open_ports(sim) and not [line for line in sim.log_lines() if "Traceback" in line]
