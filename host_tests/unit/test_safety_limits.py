"""Limits of outlet, house and group and the enclosure's latch on a unit that is known to have had them (F-S3)."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down

import board
import check
import esp32
from check import equal, true
from safety_rig import FILES, LATCHES, Marks, OpenPin, Pin, polled, put, raw, restore

from charger import wiring
from charger.audit.tamper_watch import TamperWatch
from charger.config.configuration import Configuration
from charger.drivers.keystore import KeyStore
from charger.store.files import Files
from charger.store.safety_value import SafetyValue

LIMITS = {"InstallerMaxCurrent": "16", "HouseMaxCurrent": "25", "HouseSafeCurrent": "8", "GroupMaxCurrent": "32",
          "GroupUnits": "4", "ConnectedPhases": "1"}  # fmt: skip
LOWEST = {"InstallerMaxCurrent": "6", "HouseMaxCurrent": "6", "HouseSafeCurrent": "6", "GroupMaxCurrent": "12",
          "GroupUnits": "2", "ConnectedPhases": "0"}  # fmt: skip
UNSET = {"InstallerMaxCurrent": "0", "HouseMaxCurrent": "0", "HouseSafeCurrent": "6", "GroupMaxCurrent": "0",
         "GroupUnits": "2", "ConnectedPhases": "0"}  # fmt: skip


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


def test_f_s3_a_lost_record_raises_nothing_that_the_settings_have_lower():
    for limits, group in (({"HouseSafeCurrent": "0", "GroupMaxCurrent": "40", "GroupUnits": "8"}, ("40", "8")),
                          ({"HouseSafeCurrent": "0", "GroupMaxCurrent": "10", "GroupUnits": "2"}, ("10", "2")),
                          ({"HouseSafeCurrent": "0", "GroupMaxCurrent": "60", "GroupUnits": "4"}, ("12", "2"))):  # fmt: skip
        files, marks, _ = installed(limits)
        for copy in ("1", "2"):
            files.delete("safety/limits." + copy)
        found, events = begin(files, marks)
        share = int(found["GroupMaxCurrent"]) // int(found["GroupUnits"])
        true(share <= int(group[0]) // int(group[1]) and (share == 6) == (group == ("12", "2")), (found, group))
        equal((found["HouseSafeCurrent"], found["InstallerMaxCurrent"], events), ("0", "6", ["SafetyValueDamaged"]))


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
        equal([copy for copy in ("1", "2", "next") if files.exists("safety/installer_limit." + copy)], [], "it would win there")
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
    polled(start_again(OpenPin())[0], OpenPin())
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
    """The part of the application that wiring.py needs for configuration and tamper watch; itself vault, log, outlet and pin."""

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
