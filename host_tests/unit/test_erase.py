# Erasure of personal data and factory reset: what goes, what stays, and a power cut at every flash write (SEC-3, SEC-15).
import asyncio
import json
import sys

import flashrig
from check import equal, true

from charger import clock
from charger.access import pin, pin_throttle, roles
from charger.audit.security_log import SecurityLog
from charger.credentials.vault import Vault
from charger.crypto.pbkdf2 import derive
from charger.maintenance import erase, queue_anonymiser
from charger.metering.energy_register import EnergyRegister
from charger.metering.session_store import SessionStore
from charger.ocpp.v16.transaction_queue import TransactionQueue
from charger.runtime import cooperative
from charger.store import wipe
from charger.store.ab_record import ABRecord
from sim import timebase

HEAP = 32 * 1024 * 1024
BLOCKS = 96
KEY = b"k" * 32
TAGS = (b"CARD0001", b"PARENT01", b"WAITING1", b"CACHED01", b"LISTED01", b"RESERVE1", b"OWNERTAG", b"FUTURE01")
LIMITS = {"InstallerMaxCurrent": "16", "HouseMaxCurrent": "25", "GroupMaxCurrent": "32", "GroupUnits": "3"}
SENT, WAITING = "CARD0001", "WAITING1"


class Config:
    """The part of the configuration that the queue uses."""

    def get_int(self, name):
        return 1


class Unit:
    """All that is stored, as a start opens it."""

    def __init__(self):
        flashrig.reboot()
        self.files = flashrig.files()
        self.log = SecurityLog(self.files)
        self.vault = Vault(self.files, KEY, self.log.add)
        if self.files.exists(erase.MARK):
            erase.at_start(self.files, self.vault, self.log.add, queue_anonymiser.run)
        self.sessions = SessionStore(self.files, 8192)
        self.register = EnergyRegister(self.files, 1)
        self.sessions.watch(1, self.register)
        self.transaction_queue = TransactionQueue(self.files, Config(), None, lambda: False, lambda *words: None)


def lived():
    """A chip with a life on it. Returns the device."""
    timebase.manual()
    device = flashrig.fresh(BLOCKS)
    files = flashrig.files()
    unit = Unit()
    clock.set_utc(1800000000, "test")
    for name, secret in (("label/owner", pin.form(1000, b"s" * 16, b"h" * 32)), ("pin/owner", b"chosen"),
                         ("wifi/password", b"wifi secret"), ("wifi/name", b"Home"), ("mqtt/password", b"m"),
                         ("wifi/joined", b"Home\nwifi secret"), ("group/key", b"g" * 16),
                         ("ocpp/authorization-key", b"0123456789abcdef"), ("web/key", b"w"), ("setup/password", b"p")):
        unit.vault.put(name, secret)
    for number, tag in enumerate((SENT, SENT, WAITING)):
        session = unit.sessions.begin(1, tag, unit.register.total_wh, "PARENT01")
        unit.transaction_queue.add("StartTransaction", session.local_id, _start(tag, session), clock.boot_id)
        unit.register.add(700000)
        unit.transaction_queue.add_reading(session.local_id, {"connectorId": 1, "meterValue": [{"n": number}]})
        unit.sessions.end(session, unit.register.total_wh, "Local", tag)
        stop = {"meterStop": session.stop_wh, "idTag": tag}
        unit.transaction_queue.add("StopTransaction", session.local_id, stop, clock.boot_id)
    unit.transaction_queue.flush_to_flash()
    files.write("hot/nothing", b"0")
    ABRecord(files, "ocpp_sent").write(json.dumps({"s": 4, "m": 2, "f": 0, "c": 0, "t": {"1": 5}}).encode())
    files.write("ocpp_cache", b"\nCACHED01\tAccepted\t\t")
    files.write("ocpp_local_list", b"1\nLISTED01\tAccepted\t\t")
    files.write_json("ocpp_reservations.json", [[1, 1, "RESERVE1", None, 1900000000]])
    files.write_json("ocpp_config.json", dict(LIMITS, FreeVendIdTag="OWNERTAG", StateWithoutPin="true", HeartbeatInterval="77"))
    files.write_json("ocpp_profiles.json", [])
    files.write("calibration.json", b"calibrated")
    files.write("roots/c1", b"root")
    files.write("ocpp_client.pem", b"chain")
    files.write("portal/1", b"of a part yet to come: FUTURE01")
    unit.log.add("PinAccepted", "owner, page")
    return device


def _start(tag, session):
    return {"connectorId": 1, "idTag": tag, "meterStart": session.start_wh, "timestamp": 1800000000}


def readable(files):
    """The personal things that some file still has."""
    whole = b""
    for folder in ("", "sessions", "tags", "ocpp_tx", "ocpp_mv", "hot", "portal"):
        for name in files.names(folder):
            with open(files.path((folder + "/" if folder else "") + name), "rb") as file:
                whole += file.read()
    return [tag for tag in TAGS if tag in whole]


def check_erased(unit, factory, where=""):
    """All that has to be gone is gone, all that has to stay is there."""
    files = unit.files
    equal(readable(files), [], where)
    equal(unit.register.total_wh, 2100, where)
    equal(len(unit.sessions.history), 0, where)
    equal(files.read("calibration.json"), b"calibrated", where)
    equal((files.exists(erase.MARK), unit.vault.broken, unit.log.verify()), (False, "", None), where)
    names = unit.vault.names()
    true("label/owner" in names and "web/key" in names and "setup/password" in names, where)
    equal([name for name in names if name.startswith(("wifi/", "mqtt/"))], [], where)
    equal("pin/owner" not in names and "ocpp/authorization-key" not in names, factory, where)
    equal((files.read("roots/c1") is None, files.read("ocpp_client.pem") is None), (factory, factory), where)
    equal(files.read_json("ocpp_config.json"), LIMITS if factory else dict(LIMITS, HeartbeatInterval="77"), where)
    equal("group/key" not in names, factory, where)
    wanted = "FactoryReset" if factory else "PersonalDataErased"
    events = [(entry.event, entry.info) for entry in unit.log.entries()]
    true((wanted, "by owner") in events and ("PinAccepted", "owner, page") in events, "%s: %r" % (where, events))
    left = [unit.transaction_queue._message(data) for _, data in unit.transaction_queue._tx.records()]
    equal([(action, local_id) for action, local_id, _ in left], [("StartTransaction", 3), ("StopTransaction", 3)], where)
    equal((left[0][2]["idTag"], left[0][2]["meterStart"], "idTag" in left[1][2]), ("ERASED", 1400, False), where)
    equal(left[1][2]["meterStop"], 2100, where)
    equal([data[:1] for _, data in unit.transaction_queue._meter.records()], [b"M"], where)
    equal(unit.transaction_queue.waiting, 3, where)


def teardown():
    flashrig.simflash.unmount()


def test_personal_data_is_erased_and_unit_data_stays():
    for factory in (False, True):
        lived()
        equal(len(readable(flashrig.files())), len(TAGS))
        flashrig.files().write(erase.MARK, b"factory owner" if factory else b"personal owner")
        unit = Unit()
        check_erased(unit, factory)
        true(unit.files.exists(wipe.MARK))
        session = unit.sessions.begin(1, "NEXT", unit.register.total_wh)
        equal(session.local_id, 4)


def test_messages_go_out_in_their_order_afterwards():
    lived()
    flashrig.files().write(erase.MARK, b"personal owner")
    unit = Unit()
    order = []
    while unit.transaction_queue.waiting:
        source, seq, data = unit.transaction_queue._head()
        order.append(unit.transaction_queue._message(data)[0])
        unit.transaction_queue._remove(source, seq, data)
    equal(order, ["StartTransaction", "MeterValues", "StopTransaction"])


def test_a_message_of_another_firmware_is_forgotten_and_does_not_stop_the_queue():
    lived()
    unit = Unit()
    unit.transaction_queue._tx.append(b"S 9 1 no JSON of CARD0001")
    unit.transaction_queue._tx.append(b"E 9 1 [\"CARD0001\"]")
    unit.files.write(erase.MARK, b"personal owner")
    unit = Unit()
    equal(readable(unit.files), [])
    messages = [unit.transaction_queue._message(data)[0] for _, data in unit.transaction_queue._tx.records()]
    equal(messages, ["StartTransaction", "StopTransaction", None, None])


def test_a_cut_at_every_flash_write_is_made_good():
    cuts_of = (1, 5) if sys.maxsize > 1 << 31 else (7, 29)
    for factory in (False, True):
        device = lived()
        flashrig.files().write(erase.MARK, b"factory owner" if factory else b"personal owner")
        image = device.snapshot()
        cuts = 0
        while True:
            device = flashrig.fresh(BLOCKS, list(image))
            device.cut_after(cuts, ("drop", "half", "late")[cuts // 2 % 3])
            try:
                Unit()
            except OSError as error:
                equal((error.errno, device.powered), (-0x6001, False))
            if device.powered:
                break
            device = flashrig.restart(device)
            check_erased(Unit(), factory, "cut at %d" % cuts)
            equal(device.violation, "")
            cuts += cuts_of[factory]
        true(cuts > 50, "%d operations" % cuts)


def test_a_session_that_a_cut_left_open_ends_without_its_card():
    lived()
    unit = Unit()
    session = unit.sessions.begin(1, "CARD0001", unit.register.total_wh, "PARENT01")
    unit.transaction_queue.add("StartTransaction", session.local_id, _start("CARD0001", session), clock.boot_id)
    unit.files.write(erase.MARK, b"personal owner")
    unit = Unit()
    equal(readable(unit.files), [])
    left = unit.sessions.recover()
    equal([(one.local_id, one.id_tag, one.parent_id_tag) for one in left], [(4, "ERASED", None)])
    unit.sessions.end(left[0], left[0].stop_wh, "PowerLoss")
    equal([shown["id_tag"] for shown in unit.sessions.history.page()[0]], [None])


class App:
    """The part of the application that erase uses."""

    def __init__(self, session=None):
        self.connectors = [self]
        self.session = session
        self.files = flashrig.files()
        self.restarts = []

    def restart(self, kind, why):
        self.restarts.append(why)


def test_the_pin_on_the_label_holds_again_and_the_chosen_one_no_longer():
    """SEC-3, also after a cut; the count of wrong PINs stays, so that a reset gives no attempts."""
    device = lived()
    pin_throttle.begin(flashrig.files(), len(roles.ROLES))
    unit = Unit()
    salt = b"s" * 16
    for name, number in (("label/owner", "20283664"), ("pin/owner", "55501239"), ("pin/user", "77310264")):
        result = cooperative.run_now(derive(number.encode(), salt, 1000))
        unit.vault.put(name, pin.form(1000, salt, result))
    pins = pin.Pins(unit.files, unit.vault, unit.log.add)
    equal((asyncio.run(pins.check("owner", "55501239")).ok, asyncio.run(pins.check("owner", "20283664")).ok), (True, False))
    unit.files.write(erase.MARK, b"factory owner")
    device.cut_after(20, "half")
    try:
        Unit()
    except OSError as error:
        equal((error.errno, device.powered), (-0x6001, False))
    flashrig.restart(device)
    unit = Unit()
    pins = pin.Pins(unit.files, unit.vault, unit.log.add)
    equal(pin_throttle.PinThrottle(unit.files, len(roles.ROLES)).failures(pin_throttle.STRANGERS, 0), 1)
    states = [asyncio.run(pins.check(role, number)).ok
              for role, number in (("owner", "55501239"), ("user", "77310264"), ("owner", "20283664"))]
    equal(states, [False, False, True])


def test_a_car_that_charges_is_no_time_for_it():
    flashrig.fresh(BLOCKS)
    for job in (erase.erase_personal_data, erase.factory_reset):
        app = App(session=object())
        true(job(app.files, app.connectors, app.restart).startswith("A car is charging"))
        equal((app.files.exists(erase.MARK), app.restarts), (False, []))
        app = App()
        equal(job(app.files, app.connectors, app.restart), "")
        equal((app.files.exists(erase.MARK), len(app.restarts)), (True, 1))
        app.files.delete(erase.MARK)


def test_a_unit_without_credentials_can_forget_too():
    flashrig.fresh(BLOCKS)
    files = flashrig.files()
    files.write("ocpp_cache", b"\nCACHED01\tAccepted\t\t")
    files.write(erase.MARK, b"\xff\xfe owner")  # no word of this firmware: personal data
    erase.at_start(files, Vault(files, None), lambda event, info: None, queue_anonymiser.run)
    equal(files.exists("ocpp_cache"), False)


def _erased(kind, **content):
    """A unit without credentials with these files in its root, erased."""
    flashrig.fresh(BLOCKS)
    files, heard = flashrig.files(), []
    for name, value in content.items():
        files.write(name, value)
    files.write_json("ocpp_config.json", {"HeartbeatInterval": "77", "StateWithoutPin": "true"})
    files.write(erase.MARK, kind + b" owner")
    erase.at_start(files, Vault(files, None), lambda event, info: heard.append((event, info)), queue_anonymiser.run)
    return files, heard


def test_a_state_of_sending_that_cannot_be_read_deletes_no_message():
    for state in (b"no JSON", b"[1]", b'{"s": "x"}', b'{"s": null}'):
        lived()
        files = flashrig.files()
        ABRecord(files, "ocpp_sent").write(state)
        queue_anonymiser.run(files)
        unit = Unit()
        messages = [unit.transaction_queue._message(data)[2].get("idTag") for _, data in unit.transaction_queue._tx.records()]
        equal((len(messages), set(messages)), (6, {"ERASED", None}), state)


def test_settings_of_which_none_is_left_are_gone_with_their_file():
    equal(_erased(b"personal")[0].read_json("ocpp_config.json"), {"HeartbeatInterval": "77"})
    files, heard = _erased(b"factory")
    equal((files.exists("ocpp_config.json"), heard), (False, [("FactoryReset", "by owner")]))


def test_an_open_session_that_cannot_be_read_is_deleted():
    files, _ = _erased(b"personal", open1=b"CARD0001 of another firmware", open2=b"", openx=b"CARD0001")
    equal([name for name in files.names() if name.startswith("open")], [])


class Button:
    """A button that is let go after so many looks."""

    def __init__(self, held):
        self.held = held

    def value(self):
        self.held -= 1
        return int(self.held < 0)


async def test_the_button_resets_a_unit_when_it_is_held_for_ten_seconds_from_the_start_on_and_no_car_charges():
    for held, session, wanted in ((100, None, ["factory reset"]), (99, None, []), (0, None, []), (100, object(), [])):
        timebase.manual()
        flashrig.fresh(BLOCKS)
        app = App(session=session)
        task = asyncio.create_task(erase.factory_reset_when_held(app.files, app.connectors, app.restart, Button(held)))
        for _ in range(110):
            timebase.advance(100)
            await asyncio.sleep_ms(0)
        true(task.done())
        equal((app.restarts, app.files.read(erase.MARK)), (wanted, b"factory the button" if wanted else None), held)


async def test_deleted_data_is_overwritten_with_pauses_while_a_car_charges_and_the_end_is_an_event():
    timebase.manual()
    flashrig.fresh(BLOCKS)
    app, heard, steps = App(), [], []
    charging, faults = [0], [None, OSError(5), MemoryError()]

    class Connector:
        @property
        def session(self):
            charging[0] -= 1
            return object() if charging[0] >= 0 else None

    def run(files, device, spares):
        for number in range(3):
            steps.append(clock.uptime_ms())
            charging[0] = 2 if number == 1 else 0
            yield
        if fault is not None:
            raise fault

    kept, wipe.run = wipe.run, run
    try:
        while faults:
            fault = faults.pop(0)
            steps.clear()
            task = asyncio.create_task(erase.overwrite(app.files, [Connector()], lambda *event: heard.append(event), None))
            while not task.done():
                timebase.advance(10)
                await asyncio.sleep_ms(0)
            gaps = [steps[1] - steps[0], steps[2] - steps[1]]
            true(10 <= gaps[0] < 5000 and 10000 <= gaps[1] < 15000, gaps)
            equal(heard, [("PersonalDataErased", "deleted data overwritten")])
    finally:
        wipe.run = kept
