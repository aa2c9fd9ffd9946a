"""Nothing listens but what docs/SECURITY.md lists (SEC-19, SEC-20): the sockets of the board's interpreter, as the kernel
sees them, while the unit does everything it can do."""

import os
import re
from pathlib import Path

from backend.simulator import ROOT, free_port

from .sessions import end_session, start_session

LISTEN = "0A"
WIFI = {"WifiNetwork": "Home of somebody/correct horse battery"}


def documented():
    """(protocol, port) of the rows of the page's table."""
    page = (ROOT / "docs" / "SECURITY.md").read_text().partition("## What listens")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (tcp|udp)/(\d+) \| ", page, re.MULTILINE)
    return {(protocol, int(port)) for protocol, port in rows}


def sockets(pid):
    """(protocol, port) of every socket of a process that takes connections or packets of strangers."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(entry)))
        except FileNotFoundError:
            continue
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            local, remote, state, inode = words[1], words[2], words[3], words[9]
            port, peer = int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)
            if inode in inodes and (state == LISTEN if name.startswith("tcp") else not peer):
                found.add((name.rstrip("6"), port))
    return found


def listeners(sim):
    found = set()
    for pid in sim.child_pids():
        found |= sockets(pid)
    return found


def test_page_lists_the_recorded_files():
    assert documented() == {("tcp", 443), ("udp", 67), ("udp", 53), ("tcp", 80), ("udp", 48220)}


def test_the_test_would_see_a_listener():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        seen = sockets(os.getpid())
        assert {("tcp", tcp.getsockname()[1]), ("udp", udp.getsockname()[1])} <= seen


def test_a_unit_without_a_page_listens_nowhere(launch, csms):
    """At the start, connected, charging, without the link, while it forgets and after a restart."""
    sim = launch(time_scale=20)
    csms.wait_booted()
    assert listeners(sim) == set()
    start_session(sim, csms)
    assert listeners(sim) == set()
    end_session(sim, csms)
    sim.network_down()
    csms.wait_disconnected()
    assert listeners(sim) == set()
    boots = sim.status()["boots"]
    sim.command("erase", what="factory")
    sim.wait_for(lambda s: s.get("boots", 0) > boots and not s.get("starting"), 60, "the restart")
    assert listeners(sim) == set()


def test_the_page_is_the_only_listener_also_while_the_setup_network_is_open(launch):
    """Its addresses are given out by the chip's own server on a board (udp/67 of the table)."""
    port = free_port()
    sim = launch(settings=WIFI, time_scale=20, csms_url=None, options=["--web", f"127.0.0.1:{port}"])
    sim.wait_for(lambda s: s.get("wifi", {}).get("setup_s") or s.get("wifi", {}).get("up"), 60, "the setup network")
    sim.wait_for(lambda s: listeners(sim) == {("tcp", port)}, 30, "the page")
    sim.command("wifi", ssid="Home of somebody", password="correct horse battery")
    sim.wait_for(lambda s: s["wifi"]["up"], 60, "Wi-Fi")
    assert listeners(sim) == {("tcp", port)}
