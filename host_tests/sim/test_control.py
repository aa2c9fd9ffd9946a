"""The control port: up early, always answering, not to be killed by what is sent to it; reboots; clean stop."""

import json
import time

import pytest

from backend import CommandRefused, ControlPort, Simulator
from backend.simulator import cpu_seconds
from sim.sessions import start_session

GARBAGE = [
    b"hello", b"{", b"[]", b"null", b"5", b'"status"', b"{}", b'{"id":1}', b'{"id":1,"cmd":5}', b'{"id":1,"cmd":null}',
    b'{"id":1,"cmd":"explode"}', b'{"id":1,"cmd":"__class__"}', b'{"cmd":"swipe"}', b'{"id":1,"cmd":"swipe","token":5}',
    b'{"id":1,"cmd":"swipe","token":"' + b"T" * 500 + b'"}', b'{"id":1,"cmd":"plug_in","connector":9}',
    b'{"id":1,"cmd":"plug_in","connector":0}', b'{"id":1,"cmd":"plug_in","connector":-1}',
    b'{"id":1,"cmd":"plug_in","connector":"one"}', b'{"id":1,"cmd":"plug_in","connector":1.5}',
    b'{"id":1,"cmd":"plug_in","connector":true}', b'{"id":1,"cmd":"raise_fault","name":"Earthquake","connector":1}',
    b'{"id":1,"cmd":"raise_fault","connector":1}', b'{"id":1,"cmd":"raise_fault","name":[],"connector":1}',
    b'{"id":1,"cmd":"time_scale","x":"fast"}', b'{"id":1,"cmd":"time_scale","x":0}',
    b'{"id":1,"cmd":"time_scale","x":-3}',
    b'{"id":1,"cmd":"time_scale"}', b'{"id":1,"cmd":"set_time","iso":"yesterday"}', b'{"id":1,"cmd":"set_time"}',
    b'{"id":1,"cmd":"ev","connector":1,"max_amps":"lots"}', b'{"id":1,"cmd":"ev","connector":1,"phases":7}',
    b'{"id":1,"cmd":"cable","amps":-4,"connector":1}', b'{"id":1,"cmd":"mains","volts":"high"}',
    b'{"id":1,"cmd":"status"' + b" " * 5000, b"\xff\xfe\x00\x01", b"[" * 5000, b'{"a":' * 3000, b"x" * 300000,
    b'{"id":1,"cmd":"status","cmd":"explode"}',
]


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """A charger without any back end, for what concerns the control port alone."""
    with Simulator(tmp_path_factory.mktemp("control")) as sim:
        yield sim
        assert not [line for line in sim.log_lines() if "Traceback" in line], sim.log_tail()


@pytest.mark.parametrize("line", GARBAGE, ids=[f"{n}-{g[:28]!r}" for n, g in enumerate(GARBAGE)])
def test_garbage_gets_an_error_and_the_port_lives_on(port, line):
    """{"ok": false, "error": ...} on the same connection, which then answers a real command."""
    before = port.status()
    control = ControlPort(port.port)
    try:
        control.send_raw(line + b"\n")
        answer = control.read_answer()
        assert answer["ok"] is False and answer["error"] and isinstance(answer["error"], str)
        assert "Traceback" not in answer["error"]
        assert control.command("status")["uptime_ms"] >= before["uptime_ms"]
    finally:
        control.close()


def test_half_lines_and_many_connections(port):
    """A client that leaves in the middle of a line, and twenty at once, disturb nobody."""
    for _ in range(5):
        half = ControlPort(port.port)
        half.send_raw(b'{"id":1,"cmd":"sta')
        half.close()
    clients = [ControlPort(port.port) for _ in range(20)]
    try:
        for client in clients:
            client.send_raw(b'{"id":"mine","cmd":"status"}\n')
        assert all(client.read_answer()["id"] == "mine" for client in clients)
    finally:
        for client in clients:
            client.close()


def test_pipelined_commands_keep_their_ids(port):
    """Several lines in one packet, one line in several packets."""
    control = ControlPort(port.port)
    try:
        control.send_raw(b'{"id":"a","cmd":"status"}\n{"id":"b","cmd":"config"}\n{"id":"c","cmd":"sta')
        control.send_raw(b'tus"}\r\n')
        answers = [control.read_answer() for _ in range(3)]
        assert sorted(a["id"] for a in answers) == ["a", "b", "c"] and all(a["ok"] for a in answers)
    finally:
        control.close()


def test_status_has_the_contracts_fields(port):
    """Every field of the contract, with its type."""
    status = port.status()
    assert isinstance(status["uptime_ms"], int)
    assert status["tick"].keys() >= {"count", "max_gap_ms", "max_us"}
    assert status["heap"].keys() >= {"used", "free", "peak"}
    assert isinstance(status["csms"], dict)
    connector = status["connectors"]["1"]
    assert connector.keys() >= {
        "ocpp_status", "error_code", "pilot", "relay", "offered_amps", "drawn_amps", "power_w", "energy_wh",
        "transaction_id", "id_tag", "reason"}
    assert (connector["ocpp_status"], connector["error_code"], connector["relay"]) == ("Available", "NoError", False)
    assert connector["energy_wh"] == 0


@pytest.mark.parametrize("cmd, fields", [
    ("plug_in", {"connector": 1}), ("pause", {"connector": 1}), ("resume", {"connector": 1}),
    ("ventilation", {"connector": 1}), ("plug_in_idle", {"connector": 1}), ("swipe", {"token": "ANYONE"}),
    ("button", {}), ("raise_fault", {"name": "HighTemperature", "connector": 1}),
    ("clear_fault", {"name": "HighTemperature", "connector": 1}), ("ev", {"connector": 1, "max_amps": 16, "phases": 1}),
    ("cable", {"connector": 1, "amps": 20}), ("mains", {"volts": 231, "hertz": 50}), ("network_down", {}),
    ("network_up", {}), ("time_scale", {"x": 2}), ("time_scale", {"x": 1}),
    ("set_time", {"iso": "2030-01-02T03:04:05Z"}), ("config", {}), ("status", {}), ("plug_out", {"connector": 1}),
    ("ev", {"sleep_ms": 0, "adapt_ms": 400, "give_up": 0, "holds_s2": False}), ("plug_in", {"pp_after_ms": 100}),
    ("mains", {"ohms": 0, "lost_phase": 0, "flicker_percent": 0}), ("pilot", {"noise_mv": 20}), ("adc", {"conversion_us": 45}),
    ("contactor", {"open_ms": 10}), ("monitor", {"test_ms": 20}), ("lock", {"jams": 0}), ("meter", {"offset_ma": 0}),
    ("card_bytes", {"hex": "02"}), ("disturb", {"input": "lock", "ms": 1}), ("flash_time", {"time": "typical"}),
])
def test_every_command_exists(port, cmd, fields):
    """The contract's commands are answered with ok."""
    port.command(cmd, **fields)


FAULTS = ["OtherError", "GroundFailure", "OverCurrentFailure", "HighTemperature", "UnderVoltage", "OverVoltage",
          "PowerMeterFailure", "PowerSwitchFailure", "ConnectorLockFailure", "ReaderFailure", "InternalError",
          "EVCommunicationError", "diode", "pilot_short", "tamper"]


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_raised_and_cleared(port, name):
    """All names of the contract; what the charger makes of them is another test's matter."""
    port.raise_fault(name)
    port.clear_fault(name)
    assert port.status()["connectors"]["1"]["relay"] is False


def test_refused_command_gives_the_reason(port):
    """A person reads these errors."""
    with pytest.raises(CommandRefused) as refused:
        port.command("plug_in", connector=9)
    assert "connector" in str(refused.value)


def test_answers_while_the_back_end_hangs(launch, csms):
    """The contract: never waiting for the back end. Fifty answers come within the first attempt to connect."""
    csms.stall_handshakes = True
    sim = launch()
    sim.wait_for(lambda _: csms.attempts, 10, "the first attempt to connect")
    for _ in range(50):
        assert not sim.status()["csms"]["connected"]
    assert len(csms.attempts) == 1


def test_a_brown_out_restarts_the_charger_as_one(launch, csms):
    """The RTC memory stays, so that the firmware tells it from a loss of power."""
    sim = launch()
    sim.command("brown_out")
    sim.wait_for(lambda status: not status.get("starting") and "brown-out" in str(sim.command("security_log")["entries"]), 20,
                 "the event of the brown-out")


def test_port_is_up_before_the_back_end_is_called(launch, csms):
    """The contract: up within 2 s of the launch, of its own processor time, and before the first connection to the back end."""
    csms.refuse_status = 503
    sim = launch()
    assert cpu_seconds([sim.process.pid, *sim.child_pids()]) < 2
    sim.wait_for(lambda _: csms.attempts, 10, "the first attempt to connect")


def test_reboot_keeps_the_port(charger, csms):
    """The firmware starts anew, off the network for at least a second; process, port and flash stay."""
    process = charger.process.pid
    control = ControlPort(charger.port)
    try:
        boots = charger.status()["uptime_ms"]
        charger.let_pass(1)
        mark = len(csms.record)
        left = time.monotonic()
        control.command("reboot")
        csms.wait_disconnected()
        again = csms.record.wait("BootNotification", since=mark)
        assert again.at - left >= 1
        csms.wait_booted(since=mark)
        assert control.command("status")["uptime_ms"] < boots + 60000
        assert charger.process.pid == process and charger.running
    finally:
        control.close()


def test_port_answers_during_a_reboot(charger, csms):
    """It stays up over reboots: each command in between is answered, ok or not."""
    mark = len(csms.record)
    charger.reboot()
    answered = 0
    while not csms.record.calls("BootNotification", since=mark):
        control = ControlPort(charger.port)
        try:
            control.send_raw(json.dumps({"id": 1, "cmd": "status"}).encode() + b"\n")
            assert "ok" in control.read_answer()
            answered += 1
        finally:
            control.close()
        assert answered < 20000
    assert answered > 5


def test_world_survives_a_reboot(charger, csms):
    """The car stays plugged in when the firmware restarts; it is gone after a new launch."""
    charger.plug_in_idle()
    charger.wait_ocpp_status("Preparing")
    mark = len(csms.record)
    charger.reboot()
    csms.wait_booted(since=mark)
    charger.wait_connector(lambda c: c["pilot"].startswith("B"), what="pilot B after the reboot")
    mark = len(csms.record)
    charger.restart()
    csms.wait_booted(since=mark)
    assert charger.wait_ocpp_status("Available")["pilot"].startswith("A")


def test_sigterm_while_the_board_restarts(launch):
    """While no interpreter runs, or one starts, the process still ends in time."""
    sim = launch()
    for _ in range(3):
        sim.reboot()
        assert sim.stop() == 0
        sim.start()


def test_sigterm_is_a_clean_stop(launch, csms, word):
    """SIGTERM in the middle of a session: exit code 0, and the session is closed or resumed, with nothing lost."""
    sim = launch(word=word, settings={"MeterValueSampleInterval": 0})
    csms.wait_booted()
    transaction = start_session(sim, csms)
    energy_wh = sim.wait_connector(lambda c: c["energy_wh"] >= 5, 30, "5 Wh")["energy_wh"]
    assert sim.stop() == 0
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    stops = [csms.record.wait("StopTransaction")]
    assert stops[0].payload["transactionId"] == transaction.id
    assert stops[0].payload["meterStop"] >= energy_wh
    sim.let_pass(3)
    assert len(csms.record.calls("StopTransaction")) == 1
    assert sim.connector()["energy_wh"] >= energy_wh
