"""The unit's clock from outside: SNTP servers, and a back end that says a time nobody can believe (F-S6)."""

import calendar
import socket
import threading
import time

import pytest

from backend import Result

NTP_S = 2208988800


class TimeServer(threading.Thread):
    """An SNTP server on a free port that says `utc_s`, until close()."""

    def __init__(self, utc_s):
        super().__init__(daemon=True)
        self.utc_s = utc_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.name = "127.0.0.1:%d" % self._socket.getsockname()[1]

    def run(self):
        while True:
            try:
                request, source = self._socket.recvfrom(512)
            except OSError:
                return
            if not request:
                return
            packet = bytearray(48)
            packet[:2] = 0x24, 2
            packet[24:32] = request[40:48]
            packet[40:44] = (self.utc_s + NTP_S).to_bytes(4, "big")
            self._socket.sendto(packet, source)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"", self._socket.getsockname())
        self.join(10)
        self._socket.close()


@pytest.fixture
def server():
    one = TimeServer(calendar.timegm(time.strptime("2030-05-06", "%Y-%m-%d")))
    one.start()
    yield one
    one.close()


def times_set(sim):
    return [entry["info"] for entry in sim.command("security_log", count=50)["entries"] if entry["event"] == "SettingSystemTime"]


def test_f_s6_a_unit_without_a_clock_asks_its_time_servers(launch, csms, server):
    """No back end answers: the time is there all the same."""
    csms.refuse_status = 503
    sim = launch(settings={"TimeServers": server.name})
    sim.wait_for(lambda _: any(info.startswith(server.name) for info in times_set(sim)), 20, "the time of the server")


def test_f_s6_a_back_end_that_says_2099_is_rejected(launch, csms):
    csms.always("BootNotification", Result({"status": "Accepted", "interval": 300, "currentTime": "2099-01-01T00:00:00Z"}))
    sim = launch()
    csms.wait_booted()
    sim.wait_for(lambda _: any("not believed: 2099-01-01" in line for line in sim.log_lines()), 20, "the refusal")
    assert not [info for info in times_set(sim) if "ocpp" in info]
