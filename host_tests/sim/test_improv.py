"""Improv over serial, on a pseudo-terminal: a new unit gets its Wi-Fi over its console's line and says where its page is."""

import contextlib
import os
import select
import ssl
import termios
import tty
import urllib.request

from backend.simulator import free_port
from backend.waiting import wait_until

from .provisioned_units import labels
from .test_captive_portal import free_udp_port
from .test_listeners import WIFI

NAME, PASSWORD = WIFI["WifiNetwork"].split("/")
STATE, ERROR, COMMAND, RESULT = 1, 2, 3, 4


def packet(number, *words):
    text = b"".join(bytes([len(word)]) + word.encode() for word in words)
    data = bytes([number, len(text)]) + text
    whole = b"IMPROV\x01" + bytes([COMMAND, len(data)]) + data
    return whole + bytes([sum(whole) & 0xFF])


class Client:
    """The other end of the line."""

    def __init__(self, path):
        self.line = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.line)
        termios.tcflush(self.line, termios.TCIFLUSH)
        self._bytes = b""

    def close(self):
        os.close(self.line)

    def packets(self):
        """The packets since the last call, as (type, data)."""
        while select.select([self.line], [], [], 0)[0]:
            self._bytes += os.read(self.line, 4096)
        found = []
        while (at := self._bytes.find(b"IMPROV\x01")) >= 0 and len(self._bytes) > at + 9 + self._bytes[at + 8]:
            end = at + 9 + self._bytes[at + 8]
            assert sum(self._bytes[at:end]) & 0xFF == self._bytes[end]
            found.append((self._bytes[at + 7], self._bytes[at + 9 : end]))
            self._bytes = self._bytes[end + 1 :]
        return found

    def ask(self, data, end, what):
        """Send it and wait for a packet for which end(type, data) is true; all packets until then."""
        os.write(self.line, data)
        found = []

        def ended():
            found.extend(self.packets())
            return any(end(*one) for one in found)

        wait_until(ended, 60, what)
        return found


def strings(data):
    found, at = [], 2
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return found


def results(client, number, *words):
    """The strings of the results of a command, until one of no strings or, for all but the list of networks, the first."""
    def last(kind, data):
        return kind == RESULT and (number != 4 or data[1] == 0)

    packets = client.ask(packet(number, *words), last, f"the result of {number}")
    return [strings(data) for kind, data in packets if kind == RESULT]


def test_browser_on_the_serial_line_sets_a_new_unit_up_once(launch, tmp_path):
    """State, device, networks, a wrong pass phrase, the right one, amid noise and lines of the log; then the line is closed."""
    web, line = free_port(), tmp_path / "line"
    settings = {**WIFI, "SetupPorts": f"{free_udp_port()}/{free_port()}"}
    options = ["--web", f"127.0.0.1:{web}", "--serial-line", str(line)]
    sim = launch(settings=settings, csms_url=None, time_scale=20, options=options)
    sim.wait_for(lambda s: s["wifi"]["setup_s"], 60, "the setup network")
    with contextlib.closing(Client(line)) as client:
        os.write(client.line, b"\x03\x04IMPR\r\nIMPROV\x02" + bytes(range(256)))
        assert client.ask(packet(2), lambda kind, _: kind == STATE, "the state")[-1] == (STATE, b"\x02")
        [device] = results(client, 3)
        assert device[0] == "Pilotlight" and device[2:] == ["Simulator", labels(sim)[0]["setup_ssid"]]
        assert results(client, 4) == [[NAME, "-55", "YES"], ["Next door", "-69", "YES"], []]
        refused = client.ask(packet(1, NAME, "wrong pass phrase"), lambda *one: one == (ERROR, b"\x03"), "a refusal")
        assert refused[-3:] == [(STATE, b"\x03"), (STATE, b"\x02"), (ERROR, b"\x03")]
        assert not sim.status()["wifi"]["up"]
        [[url]] = results(client, 1, NAME, PASSWORD)
        assert url == f"https://127.0.0.1:{web}/" and sim.status()["wifi"]["up"]
        with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=60) as page:
            assert page.status == 200 and page.headers.get_content_type() == "text/html"
        assert results(client, 2) == [[url]]
        sim.wait_for(lambda s: not s["wifi"]["setup_s"], 60, "the end of the setup network")
        client.packets()
        sim.command("button", ms=6000)
        sim.wait_for(lambda s: s["wifi"]["setup_s"], 60, "the setup network")
        os.write(client.line, packet(2))
        sim.let_pass(5)
        assert client.packets() == []  # a unit that has joined a network: whoever has the line does not change it
    assert PASSWORD not in "\n".join(sim.log_lines())
    reconfigured = [entry["info"] for entry in sim.command("security_log", count=100)["entries"] if "Wifi" in entry["info"]]
    assert reconfigured == ["WifiName, by the serial line"] * 2
