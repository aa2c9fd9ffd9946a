"""Nonsense at every surface: it is refused with a reason, it changes nothing, and the unit lives on (SEC-13)."""

import json
import os
import random

import pytest
from provisioning import record, unit

from backend import CallRefused, CommandRefused, wait_until
from backend.page import Page
from sim.provisioned_units import make_unit
from sim.sessions import end_session, start_session

from . import on_flash
from .page import label_of, web_words

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
MORE = 20 if SOAK else 1
NONSENSE = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**70, -(2**63) - 1, 1.5, 1e300, "", " ", "0", "-1", "1e9", "NaN", "true", "\0", "a\nb",
    "\u202e", "\ud800", "é" * 40, "x" * 600, "9" * 400, "../../etc/passwd", "%s%n", "{}", [], [[]], [1, 2], {}, {"a": 1}, [None],
)


def marks(sim):
    """The state that nonsense must not change: settings, the register, the sessions, the number of start-ups."""
    status = sim.status()
    connector = status["connectors"]["1"]
    return sim.config(), {name: connector[name] for name in ("energy_wh", "transaction_id", "ocpp_status", "offered_amps")}, \
        sim.command("security_log")["broken"], sim.child_pids()


def still_charges(sim, csms):
    start_session(sim, csms)
    end_session(sim, csms)
    assert sim.status()["tick"]["max_gap_ms"] < 1000


def test_control_port(charger, csms):
    """Each command with arguments of wrong types, unknown ones, and out of range: an error, and nothing has happened."""
    before = marks(charger)
    commands = charger.command("help")
    assert len(commands) > 20
    refused = 0
    for name, entry in commands.items():
        kinds = {argument: kind for argument, kind, _ in entry["args"]}
        wrong = [("nonsense", 1)]
        for argument, kind in kinds.items():
            python = {"int": int, "bool": bool, "str": str, "number": (int, float)}[kind]
            wrong += [(argument, value) for value in NONSENSE
                      if value is not None and (not isinstance(value, python) or (kind != "bool" and isinstance(value, bool)))]
        for argument, value in random.Random(5).sample(wrong, min(len(wrong), 8 * MORE)):
            with pytest.raises(CommandRefused):
                charger.command(name, **{argument: value})
            refused += 1
    for connector in (0, 2, -1, 2**40):
        with pytest.raises(CommandRefused):
            charger.command("plug_in", connector=connector)
    assert refused > 60 and marks(charger) == before
    still_charges(charger, csms)


def test_settings_over_ocpp(charger, csms):
    """Every key, written with nonsense: refused and unchanged, or accepted and then read back as it was given."""
    csms.audited = False  # values that no back end may send
    keys = {one["key"]: one for one in csms.call("GetConfiguration")["configurationKey"]}
    texts = [value for value in NONSENSE if isinstance(value, str) and value and "\ud800" not in value]
    chance = random.Random(3)
    asked = 0
    for name in [*sorted(keys), "AuthorizationKey", "NoSuchKey", "nvs", "web/key", "WifiPassword"]:
        for value in chance.sample(texts, min(len(texts), 3 * MORE)):
            try:
                status = csms.call("ChangeConfiguration", key=name, value=value)["status"]
            except CallRefused:
                status = "refused"
            now = {one["key"]: one for one in csms.call("GetConfiguration").get("configurationKey", [])} \
                if status in ("Accepted", "RebootRequired") else keys
            if status in ("Accepted", "RebootRequired"):
                assert now[name]["value"] == value or value.strip().lower() == now[name]["value"].lower(), (name, value)
                assert csms.call("ChangeConfiguration", key=name, value=keys[name]["value"])["status"] == status
            asked += 1
    assert asked > 100
    after = {one["key"]: one for one in csms.call("GetConfiguration")["configurationKey"]}
    assert after == keys
    still_charges(charger, csms)


def requests():
    """(method, path, body, headers) that make no sense."""
    wishes = {
        "/api/login": {"pin": "12345678", "role": "owner"}, "/api/settings": {"ConnectionTimeOut": 30},
        "/api/pin": {"current": "1", "pin": "2"}, "/api/charge": {"action": "start", "connector": 1},
        "/api/reset": {"kind": "restart"}, "/api/clock": {"utc": "2031-01-01T00:00:00Z"}, "/api/acknowledge": {},
    }
    for path, wish in wishes.items():
        method = "PUT" if path == "/api/settings" else "POST"
        for name in wish:
            for value in NONSENSE:
                fits = name in ("connector", "ConnectionTimeOut") and value in (0, 1) and not isinstance(value, bool)
                if value not in (wish[name], None) and not fits:
                    yield method, path, {**wish, name: value}
        yield method, path, {**wish, "more": 1}
        for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a":1}{', b'{"pin":"1","pin":"2"}', b"[" * 500, b'{"a":1e999}'):
            yield method, path, body


def test_page(launch, csms):
    """Every path that changes something, by the owner himself: 400 or another refusal, never 500, and nothing has changed."""
    words, port = web_words()
    sim = launch(options=words, time_scale=1)
    csms.wait_booted()
    wait_until(lambda: (sim.status().get("web") or {}).get("port"), 20, "the page listens")
    label = label_of(sim)
    everything = list(requests())
    chosen = everything if SOAK else random.Random(9).sample(everything, 80)
    with Page(port, keep=True) as page:
        assert page.login(label["pin"]).status == 200
        before = marks(sim)
        for method, path, body in chosen:
            answer = page.request(method, path, body)
            assert 400 <= answer.status < 500 and answer.json["error"], (path, body, answer)
        for query in ("view=", "view=year&view=year", "count=-1", "count=99999999999", "before=x", "=", "a=b", "%00"):
            assert page.request("GET", "/api/history?" + query).status == 400, query
        assert marks(sim) == before
    assert not [line for line in sim.log_lines() if "Traceback" in line]
    still_charges(sim, csms)


def records():
    """Provisioning records that are not right, by what is wrong."""
    made, _ = record.make("PL-1", 1000)
    for name in made:
        for value in random.Random(name).sample(NONSENSE, 2 * MORE if SOAK else 1):
            if value != made[name] and not (name in ("serial", "setup_ssid") and value in (" ", "0", "-1", "1e9", "NaN", "true")):
                yield {**made, name: value}
    yield {**made, "pins": {"owner": made["pins"]["owner"]}}
    yield {**made, "pins": {**made["pins"], "user": made["pins"]["owner"]}}
    yield {**made, "pins": {**made["pins"], "owner": {**made["pins"]["owner"], "iterations": 1}}}
    yield {**made, "device_key": "z" * 64}
    yield {**made, "serial": "x" * 26}
    yield {**made, "more": 1}


def test_provisioning_records(tmp_path):
    """A unit that has credentials keeps them to the byte, asked for new ones or not."""
    folder = tmp_path / "state"
    make_unit(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tried = 0
    for bad in records():
        with pytest.raises(unit.Failed):
            unit.state_directory(folder).write(bad, again=True)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, bad
        tried += 1
    assert tried > 12


# With a right checksum, as a bug of another version or somebody with the flash in his hands would leave them.
RUBBISH = (
    b"", b"null", b"[]", b'{"a":', b'"x"', b"1e999",
    b'{"HeartbeatInterval": [], "MeterValueSampleInterval": "x", "ConnectionTimeOut": "-5", "x": {}}',
    b"\xff" * 300, b"[" * 2000, b"{}", b"true", b"-1", b'[{"id": 1}]', b"\0" * 64,
)  # fmt: skip
KEPT = ("vault/", "seclog/")  # what these say is sealed or chained; test_flipped_bits.py has them


@pytest.mark.parametrize("number", range(len(RUBBISH) if SOAK else 4))
def test_files_on_flash(launch, csms, number):
    """Every settings and state file replaced by rubbish: the unit starts, says what it makes of it, and does not restart
    again and again. Without its calibration it may not charge (MET-3); with it, it does."""
    sim = launch(lab=False)
    csms.wait_booted()
    csms.call("ChangeConfiguration", key="HeartbeatInterval", value="77")
    start_session(sim, csms)
    end_session(sim, csms)
    csms.call("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=[
        {"idTag": "GOOD0001", "idTagInfo": {"status": "Accepted"}}])
    sim.stop()
    rubbish = RUBBISH[number if SOAK else (1, 6, 7, 8)[number]]
    names = [name for name in on_flash.names(sim.state_dir) if not name.startswith(KEPT)]
    assert len(names) > 5
    on_flash.write(sim.state_dir, dict.fromkeys([name for name in names if name != "calibration.json"], rubbish))
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    sim.wait_ocpp_status("Faulted")  # nothing says whether the enclosure was opened (F-S3)
    assert sim.command("acknowledge") == {"clear": True}
    sim.wait_ocpp_status("Available")
    still_charges(sim, csms)
    assert sim.command("security_log")["broken"] is None and sim.status()["setup"] == ""
    assert json.dumps(sim.config())
