"""No TLS handshake while a contactor is closed, where it holds up the interpreter for long (CP-24, F-E20)."""

import socket
import ssl

import pytest

from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels
from sim.sessions import end_session, start_session

SLOW = {"HandshakeMs": "1200"}


def shut_out(port):
    """True when the unit closes a client's connection before any handshake."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.settimeout(5)
        try:
            return client.recv(1) == b""
        except ConnectionError:
            return True


def test_f_e20_strangers_never_open_the_contactor_and_the_owner_gets_in(launch, csms):
    """Forty handshakes begun by strangers open nothing; a client that has logged in pauses the charging once."""
    sim = launch(settings=SLOW, options=["--web", f"127.0.0.1:{free_port()}"], time_scale=10)
    csms.wait_booted()
    [label] = labels(sim)
    port = sim.status()["web"]["port"]
    start_session(sim, csms)
    for _ in range(40):
        assert shut_out(port), "nobody has logged in from this address yet"
    assert sim.connector()["relay"]
    assert "Charging" in sim.connector()["ocpp_status"]
    end_session(sim, csms)
    page = Page(port)
    assert page.login(label["pin"]).status == 200
    page.close()
    start_session(sim, csms)
    sim.wait_connector(lambda c: c["drawn_amps"] > 5)
    sim.set_time_scale(3)  # two minutes are long enough for what follows, also on a busy machine
    assert page.get("/api/status")["connectors"]
    lines = [line for line in sim.log_lines() if "charging pauses for a TLS handshake" in line]
    assert len(lines) == 1
    page.close()
    sim.wait_connector(lambda c: c["relay"], what="charging goes on")
    assert shut_out(port), "one pause in two minutes"
    assert sim.connector()["relay"]


def test_f_e20_a_handshake_put_off_until_the_contactor_is_closed_does_not_take_place(launch, csms):
    """A stranger's connection is open before the session, its first TLS message comes in the session: it is closed."""
    sim = launch(settings=SLOW, options=["--web", f"127.0.0.1:{free_port()}"], time_scale=3)
    csms.wait_booted()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", sim.status()["web"]["port"]), 10) as client:
        sim.plug_in()  # the contactor is open for 3 s more, in which the unit accepts the connection
        sim.swipe("GOOD0001")
        sim.wait_ocpp_status("Charging")
        with pytest.raises(OSError), context.wrap_socket(client) as secured:
            secured.recv(1)
    assert sim.connector()["contactor_operations"] == 1


def test_a_plain_link_that_is_lost_while_charging_comes_back_without_an_interruption(launch, csms):
    """Only a TLS handshake holds up the interpreter."""
    sim = launch(settings=SLOW, time_scale=10)
    csms.wait_booted()
    start_session(sim, csms)
    sim.network_down()
    sim.network_up()
    csms.wait_connected()
    assert sim.connector()["relay"], "a plain link holds up nothing"
