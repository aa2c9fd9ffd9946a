"""The maximum of the house's supply from outside: readings by the API, by MQTT and by a meter over Modbus TCP (UK-38)."""

import contextlib
import struct

import pytest

from backend.waiting import wait_until

from .modbus_meter import HouseMeter
from .owner import Owner
from .provisioned_units import labels
from .tcp_server import TcpServer
from .test_mqtt import SERIAL
from .test_mqtt import authority as authority
from .test_mqtt import broker as broker
from .test_mqtt import start as start
from .test_web import page_of, refused
from .test_web import unit as unit

HOUSE = "the supply of the house"


def charge(sim):
    sim.plug_in(1)
    sim.swipe("GOOD0001", 1)
    sim.wait_connector(lambda c: c["offered_amps"] * 228 < (c["power_w"] or 0), what="the car takes what it is offered")


def limited(sim, amps):
    """Wait until the car is offered this current, by the house."""
    return sim.wait_connector(lambda c: c["offered_amps"] == amps and HOUSE in c["limit"], what=f"{amps} A by the house")


@pytest.fixture
def meter():
    """meter(kind, ...): a server that ends with the test."""
    made = []

    def make(kind, **told):
        made.append(HouseMeter(kind, **told))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(Exception):
            one.close()


def test_a_reading_by_the_api_lowers_the_current_at_once_and_shows_why(unit, csms, word):
    sim = unit(word=word, settings={"HouseMaxCurrent": 40}, time_scale=1)
    owner, installer = page_of(sim, keep=True), page_of(sim, "installer", keep=True)
    assert owner.get("/api/house")["known"] is False
    put = owner.request("PUT", "/api/house", {"amps": [3.4, 0, -2]})
    assert put.status == 200, put
    house = owner.get("/api/house")
    assert (house["amps"], house["power_w"], house["known"], house["max_amps"]) == ([3.4, 0, -2], 322, True, 40)
    charge(sim)

    def charges_at_32_a():  # a reading is good for 10 s of the charger's time, which is ours here
        owner.request("PUT", "/api/house", {"amps": [12], "power_w": 2800})
        return sim.connector()["drawn_amps"] > 31

    wait_until(charges_at_32_a, 60, "the whole current, with a reading each half second", interval_s=0.5)
    owner.request("PUT", "/api/house", {"amps": [63.9], "power_w": 14000})
    status = limited(sim, pytest.approx(8, abs=0.3))
    assert HOUSE in status["plan"]["reason"]
    assert sim.status()["grid"]["house"]["power_w"] == 14000
    refused(installer.request("PUT", "/api/house", {"amps": [1]}), 403)
    for wrong in ({}, {"amps": []}, {"amps": [1, 2, 3, 4]}, {"amps": ["1"]}, {"amps": [1001]}, {"amps": [1], "volts": 230},
                  {"amps": [1], "power_w": 1e9}, {"amps": [None]}):
        refused(owner.request("PUT", "/api/house", wrong), 400)
    assert sim.status()["grid"]["house"]["power_w"] == 14000
    refused(owner.request("PUT", "/api/settings", {"HouseMaxCurrent": 16}), 403)
    assert installer.request("PUT", "/api/settings", {"HouseMaxCurrent": 0}).status == 200
    refused(owner.request("PUT", "/api/house", {"amps": [1]}), 409, "HouseMaxCurrent")


def test_the_units_own_input_of_the_houses_current_is_followed(unit, csms):
    sim = unit(settings={"HouseMaxCurrent": 25, "HouseKind": "CT"}, time_scale=2)  # each sample of a CT is computed
    sim.command("house", amps=4)
    sim.wait_for(lambda s: s["grid"]["house"]["known"], what="a reading of the input")
    charge(sim)
    sim.command("house", amps=12)
    sim.wait_connector(lambda c: c["offered_amps"] < 14 and HOUSE in c["limit"], what="less by the house")
    sim.wait_for(lambda s: s["house_meter"] == "", what="an input without a fault")


@pytest.mark.parametrize("kind", [201, 203, 213, "sdm630"])
def test_a_meter_by_modbus_is_followed_within_two_seconds_at_the_pace_of_an_esp32(unit, csms, meter, kind):
    """From the meter's new value to the lower limit, in the charger's own time; the reading itself is up to a second old."""
    house = meter(kind, amps=[4, 2, 1], watts=[900, 400, 200])
    sim = unit(settings={"HouseMaxCurrent": 25, "HouseMeter": house.address}, time_scale=1, options=["--pace", "esp32"])
    sim.wait_for(lambda s: s["grid"]["house"]["amps"] == [4, 2, 1], what="the meter's reading")
    assert sim.status()["house_meter"] == ""
    charge(sim)
    limited(sim, 21)
    begin_ms = sim.status()["uptime_ms"]
    house.amps = [12 + 21, 2, 1]
    ended_ms = sim.wait_for(lambda s: s["uptime_ms"] if HOUSE in (c := s["connectors"]["1"])["limit"] and c["offered_amps"] < 21
                            else None, what="the lower current")
    assert ended_ms - begin_ms <= 2000
    house.watts = [-900, 400, 200]
    sim.wait_for(lambda s: s["grid"]["house"]["amps"][0] < 0 and s["grid"]["house"]["power_w"] == -300, what="export")


def test_a_meter_that_falls_silent_leaves_the_safe_current_and_comes_back(unit, csms, meter):
    house = meter(203, amps=[3, 3, 3], watts=[700, 700, 700])
    sim = unit(settings={"HouseMaxCurrent": 25, "HouseSafeCurrent": 7, "HouseMeter": house.address}, time_scale=2)
    charge(sim)
    limited(sim, 22)
    house.refuses = True
    limited(sim, 7)
    assert sim.status()["house_meter"] not in ("", None)
    house.refuses = False
    sim.wait_for(lambda s: s["house_meter"] == "" and s["grid"]["house"]["known"], what="readings")
    house.close()
    sim.wait_for(lambda s: not s["grid"]["house"]["known"], 40, what="readings that are too old")
    house.open()
    sim.wait_for(lambda s: s["house_meter"] == "", what="readings")


def test_readings_by_mqtt(start, broker):
    """The owner's home automation sends them; who has not logged in does not."""
    sim = start(settings={"HouseMaxCurrent": 20})
    [label] = labels(sim)[:1]
    with broker, Owner(broker, SERIAL) as owner:
        sim.wait_for(lambda s: s["portal"]["connected"], what="the broker's connection")
        owner.log_in("owner", label["pin"])
        assert owner.do("set_house", amps=[5, 6, 7])["ok"]
        assert owner.do("house")["result"]["amps"] == [5, 6, 7]
        assert sim.status()["grid"]["house"]["power_w"] == 18 * 230
        refusal = owner.do("set_house", amps=["5"])
        assert (refusal["ok"], refusal["error"]) == (False, "invalid")


def nonsense(answer):
    """A server that answers each request with answer(request)."""
    def serve(connection):
        with connection, contextlib.suppress(OSError):
            while request := connection.recv(12):
                connection.sendall(answer(request))

    return TcpServer(serve)


def floats(request, *values):
    return request[:4] + struct.pack(">HBBB", 27, request[6], request[7], 24) + struct.pack(">6f", *values)


ANSWERS = {
    "not a number": (lambda r: floats(r, float("nan"), 0, 0, 0, 0, 0), "no current"),
    "no power": (lambda r: floats(r, 1, 0, 0, float("nan"), 0, 0), "no power"),
    "out of range": (lambda r: floats(r, 5000, 0, 0, 10, 0, 0), "out of range"),
    "infinite": (lambda r: floats(r, float("inf"), 0, 0, 10, 0, 0), "out of range"),
    "another number": (lambda r: b"\xff\xff" + floats(r, 1, 1, 1, 1, 1, 1)[2:], "not an answer"),
    "another unit": (lambda r: floats(r, 1, 1, 1, 1, 1, 1)[:6] + b"\x63" + floats(r, 1, 1, 1, 1, 1, 1)[7:], "not an answer"),
    "another length": (lambda r: r[:4] + struct.pack(">HBBB", 5, r[6], r[7], 2) + b"\0\0", "not an answer"),
    "text": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "not an answer"),
    "half an answer": (lambda r: floats(r, 1, 1, 1, 1, 1, 1)[:20], ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_no_reading_is_discarded(unit, csms, name):
    answer, words = ANSWERS[name]
    server = nonsense(answer)
    try:
        sim = unit(settings={"HouseMaxCurrent": 25, "HouseMeter": f"sdm630://127.0.0.1:{server.port}"}, time_scale=5)
        fault = sim.wait_for(lambda s: s["house_meter"] not in ("starting", "") and s["house_meter"], what="the meter's fault")
        assert words in fault
        house = sim.status()["grid"]["house"]
        assert (house["known"], house["amps"]) == (False, [])
    finally:
        server.close()


WRONG = ("modbus://192.168.1.5", "sunspec://8.8.8.8", "sunspec://meter.local", "sunspec://192.168.1.5:0", "sdm630://10.0.0.300",
         "sdm630://10.0.0.3:99999", "sdm630://10.0.0.3/300", "sunspec://", "192.168.1.5", "sunspec://172.32.0.1")


def test_the_meters_address_is_of_the_home_network(unit, csms):
    sim = unit()
    owner = page_of(sim, keep=True)
    for wrong in WRONG:
        refused(owner.request("PUT", "/api/settings", {"HouseMeter": wrong}), 400, "HouseMeter")
    for right in ("sunspec://192.168.1.5", "sdm630://172.16.0.9:1502/12", ""):
        assert owner.request("PUT", "/api/settings", {"HouseMeter": right}).status == 200
        assert owner.get("/api/settings")["HouseMeter"]["value"] == right
    assert sim.status()["house_meter"] is None


def test_a_unit_without_a_meter_asks_nobody(unit, csms, meter):
    house = meter("sdm630")
    sim = unit(settings={"HouseMaxCurrent": 25}, time_scale=5)
    charge(sim)
    limited(sim, 6)
    assert (house.requests, sim.status()["group"]) == (0, None)


def test_a_target_in_kilometres_or_as_a_cost_is_kept_as_energy_and_the_sun_is_the_owners_choice(unit, csms):
    sim = unit(time_scale=1)
    owner, installer = page_of(sim, keep=True), page_of(sim, "installer", keep=True)
    assert owner.request("PUT", "/api/plan", {"depart": "07:30", "km": 120, "kwh_per_100km": 17.5}).status == 200
    assert owner.get("/api/plan")["energy_wh"] == 21000
    refused(owner.request("PUT", "/api/plan", {"depart": "07:30", "cost": 2}), 409, "0 Wh")
    for wrong in ({"depart": "07:30", "km": 120}, {"depart": "07:30", "kwh": 5, "cost": 3}, {"km": 100, "kwh_per_100km": 15},
                  {"depart": "07:30", "kwh_per_100km": 15}):
        refused(owner.request("PUT", "/api/plan", wrong), 400, "depart with one of")
    assert owner.get("/api/plan")["energy_wh"] == 21000
    start = csms.now()[:13] + ":00:00Z"
    assert owner.request("PUT", "/api/tariff", {"start": start, "minutes": 60, "prices": [0.25] * 30}).status == 200
    assert owner.request("PUT", "/api/plan", {"depart": "07:30", "cost": 0.5}).status == 200
    assert owner.get("/api/plan")["energy_wh"] == 2000
    refused(installer.request("PUT", "/api/settings", {"SolarMode": "surplus"}), 403)
    refused(owner.request("PUT", "/api/settings", {"SolarMode": "sunny"}), 400)
    refused(owner.request("PUT", "/api/house", {"amps": [1]}), 409, "SolarMode")
    assert owner.request("PUT", "/api/settings", {"SolarMode": "surplus", "SolarStartPower": 2000}).status == 200
    assert owner.request("PUT", "/api/house", {"amps": [-10]}).status == 200
    assert sim.wait_for(lambda s: s["grid"]["solar"]["available_w"], what="the surplus") == 2300
    events = [entry["info"] for entry in sim.command("security_log", count=20)["entries"]]
    assert "SolarMode, by owner, page" in events
