"""Three chargers share one fuse over the local network, without a server (CP-53): leader, shares, a leader that falls silent."""

import os
import socket
import threading

from backend.simulator import free_port

from .test_web import page_of
from .test_web import unit as unit

KEY = "one key for all of them"
SHARED = "the shared supply"
WRONG = ({"GroupKey": "too short"}, {"GroupMaxCurrent": 5}, {"GroupMaxCurrent": 401}, {"GroupUnits": 1}, {"GroupUnits": 9})


def make_group(unit, count):
    """Units that are told fuse and number at their start, and the key by the installer."""
    port = free_port()
    units = []
    for n in range(1, count + 1):
        settings = {"GroupMaxCurrent": 32, "GroupUnits": count, "GroupPort": port, "ChargeBoxSerialNumber": f"FUSE-{n}"}
        sim = unit(name=f"charger{n}", settings=settings, identity=f"FUSE-{n}", time_scale=4)
        assert sim.status()["group"]["fault"] == "no key"
        installer = page_of(sim, "installer")
        if n == 1:
            for wrong in WRONG:
                assert installer.request("PUT", "/api/settings", wrong).status == 400
            assert page_of(sim).request("PUT", "/api/settings", {"GroupMaxCurrent": 16}).status == 403
        assert installer.request("PUT", "/api/settings", {"GroupKey": KEY}).status == 200
        assert installer.get("/api/settings")["GroupKey"] == {"writable": True, "set": True}
        sim.reboot()
        sim.wait_for(lambda s: s.get("boots") == 2 and s["group"]["fault"] != "no key", what="the key")
        units.append(sim)
    return units, port


class Listener:
    """Somebody in the home network: keeps what is sent on a port, and sends it again, altered and as it was."""

    def __init__(self, port):
        self.heard = []
        self._to = ("127.255.255.255", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.bind(("", port))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        self._socket.settimeout(0.2)
        while not self._over.is_set():
            try:
                self.heard.append(self._socket.recv(2000))
            except TimeoutError:
                continue

    def disturb(self):
        """Old, altered and meaningless datagrams."""
        for datagram in self.heard[:40]:
            self._socket.sendto(datagram, self._to)
            self._socket.sendto(datagram[:-1] + bytes([datagram[-1] ^ 1]), self._to)
        for size in (0, 1, 40, 1400):
            self._socket.sendto(os.urandom(size), self._to)

    def close(self):
        self._over.set()
        self._thread.join()
        self._socket.close()


def offers(sim, most, least=6):
    """Wait until the car is offered a current in a range."""
    return sim.wait_connector(lambda c: least <= c["offered_amps"] <= most, 60, f"{least} to {most} A")


def test_three_chargers_share_a_fuse_and_go_on_when_the_leader_falls_silent(unit, csms):
    sims, port = make_group(unit, 3)
    listener = Listener(port)
    try:
        for sim in sims:
            sim.wait_for(lambda s: (s["group"]["heard"], s["group"]["leader"]) == (3, "FUSE-1"), 60, "the leader")
            sim.plug_in(1)
            sim.swipe("GOOD0001", 1)
        for sim in sims:
            assert SHARED in offers(sim, 10.7, 10)["limit"]
        listener.disturb()
        sims[2].plug_out(1)
        for sim in sims[:2]:
            offers(sim, 16, 16)
            sim.wait_for(lambda s: s["group"]["fault"] == "", 60, "all units")
        sims[0].kill()
        group = sims[2].wait_for(lambda s: s["group"] if s["group"]["leader"] == "FUSE-2" else None, 60, "the next leader")
        assert (group["heard"], group["safe_amps"], group["fault"]) == (2, 10.6, "not all units are heard")
        offers(sims[1], 21.3, 10)  # what the silent one may take is not given away
        sims[1].network_down()
        sims[2].wait_for(lambda s: s["group"]["heard"] == 1, 60, "silence")
        assert sims[1].status()["connectors"]["1"]["relay"], "it charges on"
        sims[1].network_up()
        sims[2].wait_for(lambda s: s["group"]["heard"] == 2, 60, "the unit that is back")
    finally:
        listener.close()
    assert len(listener.heard) > 60
    assert not [datagram for datagram in listener.heard if KEY.encode() in datagram or b"GOOD0001" in datagram]
