"""A power cut in an ordinary write of a safety value is no damage: no event, and the safest of the old and new value holds."""

import flashrig
import nvs_rig
from check import equal, true
from nvs_rig import teardown  # noqa: F401 - the runner calls it

from charger.access import pin_throttle, roles
from charger.audit.tamper_watch import TamperWatch
from charger.config.configuration import Configuration
from charger.drivers.app_partitions import AppSlots
from charger.drivers.keystore import KeyStore
from charger.store.safety_value import FOLDER
from charger.update import BROKEN, COUNTER, IMAGE
from charger.update.checked_slots import CheckedSlots

HEAP = 8 * 1024 * 1024
TIMEOUT = 240
LIMIT = "InstallerMaxCurrent"
OLD_HASH = (5).to_bytes(4, "big") + b"\xab" * 32
NEW_HASH = (6).to_bytes(4, "big") + b"\x5d" * 32


class Switch:
    """The enclosure's switch."""

    def __init__(self, is_open):
        self.is_open = is_open

    def value(self):
        return int(self.is_open)


class Limit:
    """The installer's limit, A; the lowest is the safest."""

    file = "limits"

    def write(self, value):
        Configuration(flashrig.files()).put(LIMIT, value)

    def start(self, on_event):
        config = Configuration(flashrig.files())
        config.repair(on_event)
        return config.get_str(LIMIT)


class Pins:
    """The count of wrong PINs of one role; the highest is the safest."""

    file = "pins"

    def write(self, value):
        waits = pin_throttle.PinThrottle(flashrig.files(), len(roles.ROLES))
        while waits.failures(pin_throttle.KNOWN, 0) < value:
            waits.count(pin_throttle.KNOWN, 0)
        if not value:
            waits.right(pin_throttle.KNOWN, 0)

    def start(self, on_event):
        return pin_throttle.PinThrottle(flashrig.files(), len(roles.ROLES), on_event).failures(pin_throttle.KNOWN, 0)


class Latch:
    """The latch of an opened enclosure; latched is the safest."""

    file = "tamper"

    def _watch(self, on_event, is_open=False):
        return TamperWatch(flashrig.files(), [], Switch(is_open), Configuration(flashrig.files()), on_event)

    def write(self, value):
        watch = self._watch(ignore, value)
        if value:
            for _ in range(3):
                watch.poll()
        else:
            watch.acknowledge("owner")

    def start(self, on_event):
        return self._watch(on_event).latched


class Number:
    """A number in flash and non-volatile storage; the highest is the safest."""

    def __init__(self, name):
        self.name = name
        self.file = "slot_" + name

    def write(self, value):
        CheckedSlots(AppSlots(), flashrig.files(), ignore).put_number(self.name, value)

    def start(self, on_event):
        return CheckedSlots(AppSlots(), flashrig.files(), on_event).number(self.name)


class Hash:
    """The hash of the confirmed image; neither value is safer than the other."""

    file = "slot_" + IMAGE

    def write(self, value):
        CheckedSlots(AppSlots(), flashrig.files(), ignore).put_data(IMAGE, value)

    def start(self, on_event):
        return CheckedSlots(AppSlots(), flashrig.files(), on_event).data(IMAGE)


class Log:
    """The security log."""

    def __init__(self):
        self.told = []

    def add(self, event, info):
        self.told.append((event, info))


def ignore(*_):
    """No log."""


def begin(kind, old):
    """A unit that has the old value, as provisioning and earlier writes left it; its chip."""
    nvs_rig.empty()
    device = nvs_rig.power_on()
    pin_throttle.begin(flashrig.files(), len(roles.ROLES))
    if old is False:
        kind.write(True)  # a latch that never was has no files
    kind.write(old)
    return device


def powered(device, at, mode, job):
    """Run job() with the power failing in operation `at`; (the chip after a start, True when it failed)."""
    device.power.left, device.power.mode = at, mode
    try:
        job()
    except OSError as error:
        equal(error.errno, nvs_rig.CUT)
    cut = not device.powered
    equal(device.violation, "")
    return nvs_rig.power_on(device), cut


def copies(kind):
    """{file: value as text} of the kind's readable files."""
    files = flashrig.files()
    found = {}
    for name in files.names(FOLDER):
        record = files.read(FOLDER + "/" + name)
        if name.startswith(kind.file + ".") and record is not None:
            found[name[len(kind.file) :]] = record.decode().split(" ")[2]
    return found


def check_start(kind, allowed, where):
    """Return the value after a start, which the next one has as well; neither has an event, nothing of a write is left over."""
    log = Log()
    value = kind.start(log.add)
    equal(log.told, [], where)
    true(value in allowed, "%s: %s" % (where, value))
    found = copies(kind)
    equal((sorted(found), found[".1"] == found[".2"]), ([".1", ".2"], True), where)
    equal((kind.start(log.add), log.told), (value, []), where)
    return value


def check_cuts(kind, old, new, safest=None):
    """Cut the write in every operation and each way; the safest value holds as long as flash has anything of it."""
    begin(kind, old)
    texts = {old: copies(kind)[".1"]}
    kind.write(new)
    texts[new] = copies(kind)[".1"]
    for mode in nvs_rig.MODES:
        at, cut = 0, True
        while cut:
            where = "%s, operation %d" % (mode, at)
            _, cut = powered(begin(kind, old), at, mode, lambda: kind.write(new))
            left = copies(kind).values()
            value = check_start(kind, (old, new), where)
            if safest is not None and texts[safest] in left:
                equal(value, safest, where)
            at += 1
        equal(value, new, mode)
        true(at > 6, mode)


def check_cut_starts(kind, old, new):
    """Cut the write in every operation, and the start after it in every operation."""
    at, cut = 0, True
    while cut:
        then, again = 0, True
        while again:
            where = "operation %d, then %d" % (at, then)
            mode = nvs_rig.MODES[(at + then) % 3]
            device, cut = powered(begin(kind, old), at, mode, lambda: kind.write(new))
            log = Log()
            _, again = powered(device, then, mode, lambda log=log: kind.start(log.add))
            equal(log.told, [], where)
            check_start(kind, (old, new), where)
            then += 1
        at += 1
    true(at > 6)


def test_limit_of_the_installer():
    check_cuts(Limit(), "16", "10", "10")
    check_cuts(Limit(), "10", "16", "10")
    check_cuts(Limit(), "10", "0", "10")
    check_cut_starts(Limit(), "10", "16")


def test_counts_of_wrong_pins():
    check_cuts(Pins(), 1, 2, 2)
    check_cuts(Pins(), 3, 0, 3)
    check_cut_starts(Pins(), 1, 2)


def test_latch_of_the_enclosure():
    check_cuts(Latch(), False, True, True)
    check_cuts(Latch(), True, False, True)
    check_cut_starts(Latch(), True, False)


def test_counter_and_mark_in_flash_and_nvs():
    check_cuts(Number(COUNTER), 7, 9, 9)
    check_cuts(Number(BROKEN), 1, 0, 1)
    check_cut_starts(Number(COUNTER), 7, 9)
    check_cut_starts(Number(BROKEN), 1, 0)


def test_hash_of_the_image_in_flash_and_nvs():
    check_cuts(Hash(), OLD_HASH, NEW_HASH)
    check_cuts(Hash(), NEW_HASH, OLD_HASH)
    check_cut_starts(Hash(), OLD_HASH, NEW_HASH)


def test_first_records_of_a_unit():
    def start(log):
        files, store = flashrig.files(), KeyStore()
        config = Configuration(files)
        config.repair(log.add, store)
        return config.get_str(LIMIT), TamperWatch(files, [], Switch(False), config, log.add, store).latched

    def check(_cut, where):
        log = Log()
        for _ in range(2):
            equal((start(log), log.told), (("0", False), []), where)
        equal([KeyStore().known(name) for name in ("has_limits", "has_tamper")], [True, True], where)

    true(nvs_rig.cuts(lambda: None, lambda: start(Log()), check, (None,)) > 12)


def test_damage_while_a_write_is_unfinished_is_an_event_all_the_same():
    """A power cut leaves no unreadable copy."""
    at, cut = 0, True
    while cut:
        _, cut = powered(begin(Limit(), "16"), at, nvs_rig.MODES[0], lambda: Limit().write("10"))
        for name in copies(Limit()):
            powered(begin(Limit(), "16"), at, nvs_rig.MODES[0], lambda: Limit().write("10"))
            flashrig.damage("%s/%s/%s%s" % (flashrig.ROOT, FOLDER, Limit.file, name), -1)
            log = Log()
            true(Limit().start(log.add) in ("16", "10"))
            equal([event for event, _ in log.told], ["SafetyValueDamaged"], "operation %d, %s" % (at, name))
        at += 1
    true(at > 6)
