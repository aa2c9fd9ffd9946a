"""Safety values stand apart, twice, with a check: damage never means more current or fewer latches (F-S3)."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down
import os

import board
import check
import esp32
from check import equal, true

from charger import wiring
from charger.audit.events import TAMPER
from charger.audit.tamper_watch import TamperWatch
from charger.config.configuration import Configuration
from charger.drivers.keystore import KeyStore
from charger.store.files import Files
from charger.store.safety_value import SafetyValue

LIMIT = "InstallerMaxCurrent"
FILES = ("safety/limits.1", "safety/limits.2", "ocpp_config.json")
LATCHES = ("safety/tamper.1", "safety/tamper.2")


class Pin:
    """A closed enclosure."""

    def value(self):
        return 0


class OpenPin:
    """An open enclosure."""

    def value(self):
        return 1


def raw(files, name):
    """The bytes of a file as they lie there."""
    with open(files.path(name), "rb") as file:
        return file.read()


def put(files, name, data):
    """Replace the bytes of a file."""
    with open(files.path(name), "wb") as file:
        file.write(data)


def limited(*limits):
    """Files of a unit whose installer set these limits one after the other, and the bytes of each step."""
    files = Files(check.folder())
    steps = []
    for limit in limits:
        Configuration(files).put(LIMIT, limit)
        steps.append([raw(files, name) for name in FILES])
    return files, steps


def start(files):
    """(limit, events) of a start."""
    events = []
    config = Configuration(files)
    config.repair(lambda event, info: events.append(event))
    return config.get_str(LIMIT), events


def restore(files, step):
    for name, data in zip(FILES, step):
        put(files, name, data)


def test_f_s3_each_flipped_bit_of_a_limits_file_keeps_the_limit_and_is_an_event():
    files, steps = limited("10")
    equal(start(files), ("10", []))
    for at, name in enumerate(FILES):
        data = steps[0][at]
        for bit in range(8 * len(data)):
            bad = bytearray(data)
            bad[bit // 8] ^= 1 << bit % 8
            restore(files, steps[0])
            put(files, name, bad)
            equal(start(files), ("10", ["SafetyValueDamaged"]), "%s, bit %d" % (name, bit))


def test_f_s3_a_deleted_copy_keeps_the_limit_and_is_an_event():
    files, steps = limited("10")
    for name in FILES[:2]:
        restore(files, steps[0])
        os.remove(files.path(name))
        equal(start(files), ("10", ["SafetyValueDamaged"]), name)
        equal(start(files), ("10", []), "repaired")
    os.remove(files.path(FILES[0]))
    os.remove(files.path(FILES[1]))
    equal(start(files), ("10", ["SafetyValueDamaged"]), "both copies")
    os.remove(files.path(FILES[2]))
    equal(start(files)[0], "10", "the settings")


def test_f_s3_an_older_copy_never_raises_the_limit_and_is_an_event():
    for limits in (("16", "10"), ("10", "16"), ("16", "0", "10"), ("10", "0")):
        files, steps = limited(*limits)
        for at in (0, 1):
            restore(files, steps[-1])
            put(files, FILES[at], steps[-2][at])
            equal(start(files), ("10", ["SafetyValueDamaged"]), "%s, %s" % (limits, FILES[at]))


def test_f_s3_two_unreadable_copies_mean_the_lowest_current():
    files, _ = limited("10")
    for name in FILES[:2]:
        put(files, name, b"x")
    equal(start(files), ("6", ["SafetyValueDamaged"]))
    equal(start(files), ("6", []))
    Configuration(files).put(LIMIT, "10")
    equal(start(files), ("10", []))


def test_f_s3_unreadable_settings_of_earlier_firmware_mean_the_lowest_current():
    files = Files(check.folder())
    files.write_json("ocpp_config.json", {LIMIT: "10", "HeartbeatInterval": "77"})
    good = raw(files, "ocpp_config.json")
    for bit in range(0, 8 * len(good), 7):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        files = Files(check.folder())
        put(files, "ocpp_config.json", bad)
        equal(start(files), ("6", ["SafetyValueDamaged"]), bit)


def test_f_s3_a_limit_of_earlier_firmware_moves_to_files_of_its_own():
    files = Files(check.folder())
    files.write_json("ocpp_config.json", {LIMIT: "10"})
    equal(start(files)[0], "10")
    files.delete("ocpp_config.json")
    equal(start(files)[0], "10")


def test_f_s3_a_unit_without_a_limit_stays_without_one():
    files = Files(check.folder())
    equal(start(files), ("0", []))
    Configuration(files).put("HeartbeatInterval", "77")
    equal(start(files), ("0", []))


def watch(files, pin, events):
    return TamperWatch(files, [], pin, Configuration(files), lambda event, info: events.append(event))


def latched():
    """Files of a unit that was opened."""
    files = Files(check.folder())
    opened = watch(files, OpenPin(), [])
    for _ in range(3):
        opened.poll()
    true(opened.latched)
    return files


def test_one_reading_is_no_opening_and_an_opening_is_one_event():
    pins = {False: Pin(), True: OpenPin()}
    events = []
    seen = watch(Files(check.folder()), pins[False], events)
    for is_open in (True, False, True, False):
        seen._pin = pins[is_open]
        seen.poll()
    equal((seen.latched, events), (False, []))
    seen._pin = pins[True]
    for _ in range(10):
        seen.poll()
    equal((seen.latched, events), (True, [TAMPER]))


class Told:
    """An outlet that keeps what it was told last."""

    tamper = None

    def set_tamper(self, policy, latched):
        self.tamper = (policy, latched)


def _polled(seen, pin, count=5):
    seen._pin = pin
    for _ in range(count):
        seen.poll()


def test_outlets_and_report_follow_policy_opening_and_acknowledgement():
    files = Files(check.folder())
    config, outlet, events = Configuration(files), Told(), []
    seen = TamperWatch(files, [outlet], Pin(), config, lambda event, info: events.append((event, info)))
    equal((outlet.tamper, seen.report()), ((2, False), {"open": False, "latched": False, "policy": "latch"}))
    _polled(seen, Pin())
    _polled(seen, OpenPin())
    equal((outlet.tamper, seen.report()), ((2, True), {"open": True, "latched": True, "policy": "latch"}))
    equal((seen.acknowledge("owner"), seen.latched), (False, True))
    _polled(seen, Pin())
    seen._pin = OpenPin()
    seen.poll()  # open again, not yet steadily
    equal(seen.acknowledge("owner"), False)
    _polled(seen, Pin())
    equal((seen.open, seen.acknowledge("owner"), outlet.tamper, seen.latched), (False, True, (2, False), False))
    equal(events, [(TAMPER, "enclosure opened"), ("TamperAcknowledged", "owner")])
    _polled(seen, OpenPin())
    config.put("TamperPolicy", "report")
    equal((outlet.tamper, seen.latched, seen.policy), ((0, False), False, "report"))
    true(not watch(files, Pin(), []).latched)
    config.put("TamperPolicy", "stop")
    equal(outlet.tamper, (1, False))
    config.put("TamperPolicy", "latch")
    _polled(seen, Pin())
    _polled(seen, OpenPin())
    config.put("TamperPolicy", "latch")  # the same again takes no latch away
    equal((outlet.tamper, seen.latched), ((2, True), True))


def test_an_enclosure_that_is_open_at_the_start_is_said_to_be():
    for closed_first, info in ((False, "enclosure open at start-up"), (True, "enclosure opened")):
        events = []
        files = Files(check.folder())
        seen = TamperWatch(files, [], Pin(), Configuration(files), lambda event, info, events=events: events.append(info))
        if closed_first:
            _polled(seen, Pin())
        _polled(seen, OpenPin())
        equal(events, [info])
        _polled(seen, Pin())
        _polled(seen, OpenPin())
        equal(events[-1], "enclosure opened")


def test_a_value_is_what_was_written_last_whatever_was_at_fault_before():
    files = Files(check.folder())
    files.make_folder("safety")
    kept = SafetyValue(files, "x", "9", max)
    equal(kept.value, None)
    kept.write("3")
    kept.write("2")
    equal((kept.value, kept.fault, kept.unfinished), ("2", "", False))
    equal([files.read("safety/x.%d" % copy) for copy in (1, 2)], [b"x 2 2"] * 2)
    put(files, "safety/x.1", b"?")
    damaged = SafetyValue(files, "x", "9", max)
    true(damaged.fault != "" and damaged.value == "2")
    damaged.write("1")
    equal((damaged.value, damaged.fault), ("1", ""))
    kept.prepare("7")
    cut = SafetyValue(files, "x", "9", max)
    equal((cut.unfinished, cut.value), (True, "7"))
    cut.write("4")
    equal((cut.unfinished, cut.value, SafetyValue(files, "x", "9", max).value), (False, "4", "4"))


def test_f_s3_each_flipped_bit_of_the_latch_keeps_it_and_is_an_event():
    files = latched()
    good = [raw(files, name) for name in LATCHES]
    for at, name in enumerate(LATCHES):
        for bit in range(8 * len(good[at])):
            for other, data in zip(LATCHES, good):
                put(files, other, data)
            bad = bytearray(good[at])
            bad[bit // 8] ^= 1 << bit % 8
            put(files, name, bad)
            events = []
            true(watch(files, Pin(), events).latched, "%s, bit %d" % (name, bit))
            equal(events, ["SafetyValueDamaged"], "%s, bit %d" % (name, bit))


def test_f_s3_a_deleted_unreadable_or_older_copy_keeps_the_latch():
    files = latched()
    good = [raw(files, name) for name in LATCHES]
    true(watch(files, Pin(), []).acknowledge("owner"))
    clear = [raw(files, name) for name in LATCHES]
    events = []
    equal((watch(files, Pin(), events).latched, events), (False, []))
    for contents in ((None, good[1]), (good[0], None), (clear[0], good[1]), (good[0], clear[1]), (b"", b"x")):
        for name, data in zip(LATCHES, contents):
            files.delete(name)
            if data is not None:
                put(files, name, data)
        events = []
        equal((watch(files, Pin(), events).latched, events), (True, ["SafetyValueDamaged"]), contents)


def test_f_s3_a_latch_of_earlier_firmware_holds_even_when_its_file_is_damaged():
    files = Files(check.folder())
    put(files, "tamper", b"?")
    seen = watch(files, Pin(), [])
    true(seen.latched)
    true(seen.acknowledge("owner"))
    true(not watch(files, Pin(), []).latched)


# --- with the mark of a unit that had its records ---

LIMITS = {"InstallerMaxCurrent": "16", "HouseMaxCurrent": "25", "HouseSafeCurrent": "8", "GroupMaxCurrent": "32",
          "GroupUnits": "4", "ConnectedPhases": "1"}  # fmt: skip
LOWEST = {"InstallerMaxCurrent": "6", "HouseMaxCurrent": "6", "HouseSafeCurrent": "6", "GroupMaxCurrent": "12",
          "GroupUnits": "2", "ConnectedPhases": "0"}  # fmt: skip
UNSET = {"InstallerMaxCurrent": "0", "HouseMaxCurrent": "0", "HouseSafeCurrent": "6", "GroupMaxCurrent": "0",
         "GroupUnits": "2", "ConnectedPhases": "0"}  # fmt: skip


class Marks:
    """The marks of a KeyStore."""

    def __init__(self):
        self.names = []

    def known(self, name):
        return name in self.names

    def add_count(self, name):
        self.names.append(name)


def begin(files, marks, factory=None):
    """(what limits the current, events) of a start; the next start has the same values."""
    events = []
    config = Configuration(files, factory)
    config.repair(lambda event, info: events.append(event), marks)
    return {name: config.get_str(name) for name in LIMITS}, events


def installed(limits):
    """Files and marks of a unit after these settings of its installer, and the bytes of its files."""
    files, marks = Files(check.folder()), Marks()
    equal(begin(files, marks), (UNSET, []))
    config = Configuration(files)
    for name in limits:
        config.put(name, limits[name])
    return files, marks, [raw(files, name) for name in FILES if files.exists(name)]


def test_f_s3_each_flipped_bit_keeps_what_limits_the_house_and_the_group_and_is_an_event():
    files, marks, good = installed(LIMITS)
    equal(begin(files, marks), (LIMITS, []))
    for at, name in enumerate(FILES):
        for bit in range(at, 8 * len(good[at]), 7):
            restore(files, good)
            bad = bytearray(good[at])
            bad[bit // 8] ^= 1 << bit % 8
            put(files, name, bad)
            equal(begin(files, marks), (LIMITS, ["SafetyValueDamaged"]), "%s, bit %d" % (name, bit))


def test_f_s3_a_removed_copy_keeps_the_limits_and_without_both_the_lowest_current_holds():
    files, marks, good = installed(LIMITS)
    for name in FILES[:2]:
        restore(files, good)
        files.delete(name)
        equal(begin(files, marks), (LIMITS, ["SafetyValueDamaged"]), name)
        equal(begin(files, marks), (LIMITS, []), "repaired")
    for gone in (FILES[:2], FILES):
        restore(files, good)
        for name in gone:
            files.delete(name)
        equal(begin(files, marks), (LOWEST, ["SafetyValueDamaged"]), gone)
        equal(begin(files, marks), (LOWEST, []), gone)
    restore(files, good)
    files.delete(FILES[2])
    equal(begin(files, marks)[0], LIMITS, "without the settings")
    for settings in ({"HouseMaxCurrent": "3", "InstallerMaxCurrent": "32"}, {"GroupUnits": 2, "HouseMaxCurrent": "x"}):
        files.write_json(FILES[2], settings)
        equal(begin(files, marks), (LIMITS, []), settings)


def test_f_s3_two_unreadable_copies_limit_house_and_group_to_the_lowest_current():
    files, marks, _ = installed(LIMITS)
    for name in FILES[:2]:
        put(files, name, b"x")
    equal(begin(files, marks), (LOWEST, ["SafetyValueDamaged"]))
    config = Configuration(files)
    for name in LIMITS:
        config.put(name, LIMITS[name])
    equal(begin(files, marks), (LIMITS, []), "the installer was there")


def test_f_s3_an_older_copy_or_older_settings_never_raise_a_limit():
    looser = {"InstallerMaxCurrent": "20", "HouseMaxCurrent": "0", "HouseSafeCurrent": "10", "GroupMaxCurrent": "0",
              "GroupUnits": "3", "ConnectedPhases": "2"}  # fmt: skip
    strict = dict(LIMITS, HouseSafeCurrent="0", ConnectedPhases="0")
    for first, second in ((looser, strict), (strict, looser)):
        files, marks, _ = installed(LIMITS)  # each name is set, with its default, too
        steps = []
        for limits in (first, second):
            config = Configuration(files)
            for name in limits:
                config.put(name, limits[name])
            steps.append([raw(files, name) for name in FILES])
        older, newer = steps
        equal(begin(files, marks), (second, []))
        for at, events in ((0, 1), (1, 1), (2, 0)):
            restore(files, newer)
            put(files, FILES[at], older[at])
            equal(begin(files, marks), (strict, ["SafetyValueDamaged"] * events), FILES[at])


def test_f_s3_limits_of_earlier_firmware_move_over_without_an_event():
    for earlier in ("16", "0", "10"):
        values = dict(LIMITS, InstallerMaxCurrent=earlier)
        files, marks = Files(check.folder()), Marks()
        SafetyValue(files, "installer_limit", "6", min).write(earlier)
        files.write_json("ocpp_config.json", values)
        equal(begin(files, marks), (values, []), earlier)
        files.delete("ocpp_config.json")
        equal(begin(files, marks), (values, []), earlier)
        for copy in ("1", "2"):
            put(files, "safety/installer_limit." + copy, b"x")
            files.delete("safety/limits." + copy)
        equal(begin(files, marks), (LOWEST, ["SafetyValueDamaged"]), earlier)


def test_f_s3_limits_of_earlier_firmware_that_are_lost_or_altered_limit_the_current():
    for settings, record, values in ((b"x", b"installer_limit 1 16", LOWEST), (None, b"x", dict(UNSET, InstallerMaxCurrent="6")),
                                     (b'{"HouseMaxCurrent": "3"}', b"installer_limit 1 16", LOWEST)):  # fmt: skip
        files = Files(check.folder())
        files.make_folder("safety")
        for copy in ("1", "2"):
            files.write("safety/installer_limit." + copy, record)
            if record == b"x":
                put(files, "safety/installer_limit." + copy, record)
        if settings == b"x":
            put(files, "ocpp_config.json", settings)
        elif settings:
            files.write("ocpp_config.json", settings)
        equal(begin(files, Marks()), (values, ["SafetyValueDamaged"]), settings)


def test_a_value_of_the_factory_holds_until_the_installer_sets_one():
    files, marks, _ = installed({})
    equal(begin(files, marks, {"HouseMaxCurrent": 20}), (dict(UNSET, HouseMaxCurrent="20"), []))
    Configuration(files).put("HouseMaxCurrent", "25")
    equal(begin(files, marks, {"HouseMaxCurrent": 20}), (dict(UNSET, HouseMaxCurrent="25"), []))


def test_f_s3_without_both_copies_the_enclosure_counts_as_opened_and_is_an_event():
    files, marks = Files(check.folder()), Marks()

    def start_again(pin):
        events = []
        return TamperWatch(files, [], pin, Configuration(files), lambda event, info: events.append(event), marks), events

    def state():
        seen, events = start_again(Pin())
        return seen.latched, events

    equal(state(), (False, []))
    equal([files.read(name) for name in LATCHES], [b"tamper 1 clear"] * 2)
    equal(state(), (False, []))
    for name in LATCHES:
        files.delete(name)
    equal(state(), (True, ["SafetyValueDamaged"]))
    equal(state(), (True, []))
    true(start_again(Pin())[0].acknowledge("owner"))
    equal(state(), (False, []))
    clear = [raw(files, name) for name in LATCHES]
    _polled(start_again(OpenPin())[0], OpenPin())
    equal(state(), (True, []))
    put(files, LATCHES[0], clear[0])
    equal(state(), (True, ["SafetyValueDamaged"]))


def test_a_latch_of_earlier_firmware_is_written_as_one():
    files, marks = Files(check.folder()), Marks()
    put(files, "tamper", b"?")
    for _ in range(2):
        true(TamperWatch(files, [], Pin(), Configuration(files), lambda event, info: None, marks).latched)
        equal([files.read(name) for name in LATCHES], [b"tamper 1 latched"] * 2)


class Unit:
    """What wiring.py needs of the application for configuration and tamper watch; itself vault, log, outlet and pin."""

    provisioned = ready = True
    broken = ""

    def __init__(self, files):
        self.files = files
        self.vault = self.security_log = self.tamper = self
        self.outlets = [self]
        self.told = []

    def names(self):
        return ()

    def value(self):
        return 0

    def set_tamper(self, policy, latched):
        pass

    def add(self, event, info):
        self.told.append(info)

    def start(self):
        self.config = wiring.make_configuration(self)
        return {name: self.config.get_str(name) for name in LIMITS}, wiring.make_tamper_watch(self).latched


def test_f_s3_a_unit_knows_from_its_chip_that_it_had_limits_and_latch():
    files, store = Files(check.folder()), KeyStore()
    equal((store.known("has_limits"), store.known("has_tamper")), (False, False))
    board.SHARED["tamper"] = board.SHARED.get("tamper") or 1
    unit = Unit(files)
    equal((unit.start(), unit.told), ((UNSET, False), []))
    equal((store.known("has_limits"), store.known("has_tamper")), (True, True))
    for name in FILES[:2] + LATCHES:
        files.delete(name)
    unit = Unit(files)
    equal(unit.start(), (LOWEST, True))
    equal(unit.told, [name + ": removed, the safest value applies" for name in ("limits", "tamper")])
    for name in ("has_limits", "has_tamper"):
        esp32.NVS("pilotlight").erase_key(name)
