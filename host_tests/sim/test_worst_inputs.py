"""The worst inputs of all surfaces at an ESP32's pace while a car charges: no control tick comes 40 ms after the one before.

They are those of tools/target/bare/worst_inputs.py, which counts the slices of each; here the whole charger runs. What ends the
session by its nature (Reset, RemoteStopTransaction, UnlockConnector, ChangeAvailability, updates) is left out.
"""

import json
import sys

from backend.simulator import ROOT

from .owner import UNIT, Broker, Owner
from .provisioned_units import labels
from .test_board_time import PYTHON_MS, SCALE, SOAK, never_late
from .test_mqtt import SERIAL
from .test_page_pace import owner_beside_a_session
from .tls_peers import Authority

sys.path.insert(0, str(ROOT / "tools" / "target" / "bare"))

import worst_inputs

ENDS_THE_SESSION = ("ChangeAvailability", "RemoteStartTransaction", "RemoteStopTransaction", "Reset", "SignedUpdateFirmware",
                    "UnlockConnector", "UpdateFirmware")  # fmt: skip
NOT_ASKED = ("login", "logout", "reset", "erase", "pin", "update", "networks", "acknowledge")  # /api/...
# (kind, name) -> which of its inputs; all of them in `make soak`
FEW = {"DataTransfer": (1, 6), "TriggerMessage": (4,), "ExtendedTriggerMessage": (4,), "GetLog": (1,),
       "DeleteCertificate": (2,), "SetChargingProfile": (0, 5), "SendLocalList": (2,), "GetCompositeSchedule": (0,)}  # fmt: skip


def messages():
    """The texts of all messages of a back end, with their ids."""
    for action in sorted(set(worst_inputs.OCPP) - set(ENDS_THE_SESSION)):
        for number, payload in enumerate(worst_inputs.OCPP[action]):
            if not SOAK and number not in FEW.get(action, (0,)):
                continue
            payload = payload() if callable(payload) else payload
            uid = f"{action[:20]}-{number}"
            text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
            yield uid, f'[2,"{uid}","{action}",{text}]'


def requests():
    """(method, path, body) of all requests of the page."""
    for (method, path), bodies in worst_inputs.API.items():
        if path.rpartition("/")[2] in NOT_ASKED:
            continue
        if path == "/api/settings":
            bodies = bodies[-3:]  # the first one sets another back end: the link ends
        for body in bodies[: None if SOAK else 1]:
            if path == "/api/charge" and body["action"] in ("stop", "pause", "skip", "start"):
                continue
            yield method, path + ("?" + body if method == "GET" and body else ""), body if method != "GET" else None


# What a broker can send on the topic of commands that is no command; mosquitto hands on what is longer than a unit reads.
NO_COMMANDS = (b"[" * 1000, b'{"id":"' + b"\\u00e9" * 160 + b'"}', b'{"id":"1","n":' + b"1" * 1000 + b"}", b"\xff" * 1000, b"",
               b"x" * 60000)  # fmt: skip


def by_mqtt(sim, owner):
    """All commands of the owner with their worst inputs, then what is none."""
    assert owner.log_in("owner", labels(sim)[0]["pin"])["ok"]
    for name, inputs in worst_inputs.MQTT.items():
        for inner in inputs:
            if inner is not None:
                assert "ok" in owner.do(name, **inner)
    for data in NO_COMMANDS:
        owner.publish("cmd", data)
        assert owner.do("logout" if data is NO_COMMANDS[-1] else "hours")["ok"], "the unit has read it"


def test_no_worst_input_of_any_surface_delays_the_control_tick_of_a_unit_that_charges(launch, csms, tmp_path):
    csms.audited = False  # answers to what is no valid message
    authority = Authority(tmp_path)
    (tmp_path / "broker").mkdir()
    broker = Broker(tmp_path / "broker", authority.issue("server"))
    (tmp_path / "password").write_text(UNIT[1])
    words = ("--mqtt", f"mqtts://{UNIT[0]}@localhost:{broker.port}/home", "--mqtt-ca", authority.root,
             "--mqtt-password-file", str(tmp_path / "password"))
    with broker:
        sim, page = owner_beside_a_session(launch, csms, words, lambda s: s["portal"]["connected"], heap=256 * 1024,
                                           settings={"ChargeBoxSerialNumber": SERIAL})
        with Owner(broker, SERIAL) as owner:
            by_mqtt(sim, owner)
        everything_else(sim, page, csms)


def everything_else(sim, page, csms):
    with page:
        for method, path, body in requests():
            page.request(method, path, body.encode() if isinstance(body, str) else body)
        sim.set_time_scale(SCALE)
        for uid, text in messages():
            csms.raw_call(text, uid, 60)
        for make in worst_inputs.FRAMES.values():
            csms.send_text(make())
        csms.call("GetConfiguration", key=["NumberOfConnectors"])
        assert sim.connector()["relay"] is True
        never_late(sim, most_ms=PYTHON_MS, handshakes=True)
