"""Safety values stand apart, twice, with a check: damage never means more current or fewer latches (F-S3)."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down
import os

import check
from check import equal, true
from safety_rig import FILES, LATCHES, OpenPin, Pin, polled, put, raw, restore

from charger.audit.events import TAMPER
from charger.audit.tamper_watch import TamperWatch
from charger.config.configuration import Configuration
from charger.store.files import Files
from charger.store.safety_value import SafetyValue

LIMIT = "InstallerMaxCurrent"


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


def test_outlets_and_report_follow_policy_opening_and_acknowledgement():
    files = Files(check.folder())
    config, outlet, events = Configuration(files), Told(), []
    seen = TamperWatch(files, [outlet], Pin(), config, lambda event, info: events.append((event, info)))
    equal((outlet.tamper, seen.report()), ((2, False), {"open": False, "latched": False, "policy": "latch"}))
    polled(seen, Pin())
    polled(seen, OpenPin())
    equal((outlet.tamper, seen.report()), ((2, True), {"open": True, "latched": True, "policy": "latch"}))
    equal((seen.acknowledge("owner"), seen.latched), (False, True))
    polled(seen, Pin())
    seen._pin = OpenPin()
    seen.poll()  # open again, not yet steadily
    equal(seen.acknowledge("owner"), False)
    polled(seen, Pin())
    equal((seen.open, seen.acknowledge("owner"), outlet.tamper, seen.latched), (False, True, (2, False), False))
    equal(events, [(TAMPER, "enclosure opened"), ("TamperAcknowledged", "owner")])
    polled(seen, OpenPin())
    config.put("TamperPolicy", "report")
    equal((outlet.tamper, seen.latched, seen.policy), ((0, False), False, "report"))
    true(not watch(files, Pin(), []).latched)
    config.put("TamperPolicy", "stop")
    equal(outlet.tamper, (1, False))
    config.put("TamperPolicy", "latch")
    polled(seen, Pin())
    polled(seen, OpenPin())
    config.put("TamperPolicy", "latch")  # the same again takes no latch away
    equal((outlet.tamper, seen.latched), ((2, True), True))


def test_an_enclosure_that_is_open_at_the_start_is_said_to_be():
    for closed_first, info in ((False, "enclosure open at start-up"), (True, "enclosure opened")):
        events = []
        files = Files(check.folder())
        seen = TamperWatch(files, [], Pin(), Configuration(files), lambda event, info, events=events: events.append(info))
        if closed_first:
            polled(seen, Pin())
        polled(seen, OpenPin())
        equal(events, [info])
        polled(seen, Pin())
        polled(seen, OpenPin())
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
