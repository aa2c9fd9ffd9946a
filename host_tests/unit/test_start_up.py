"""_boot.py as the port runs it: pins first, damaged file systems, exceptions; machine and the flash are faked."""

import sys

import esp32
import flashrig
import machine
import vfs
from check import equal, raises, true

from charger.drivers import console, flash_device, keystore, reset_cause
from charger.store import file_system
from sim import flash as simflash
from sim import timebase

DONE = []  # what happened, in its order
_kept = {}


class Reset(BaseException):
    """The chip restarts."""


class Board:
    CONTACTOR_OUT = 1
    CONTACTOR_OUT_2 = 2
    PHASE_SWITCH_OUT_N = 5
    LED = 3
    BUTTON = 4


class Pin:
    OUT, IN = 3, 1
    board = Board
    pressed = False

    def __init__(self, name, mode=None, value=None):
        self.name = name
        DONE.append((name, mode, value))

    def value(self, level=None):
        return 0 if self.name == "BUTTON" and Pin.pressed else 1


class Machine:
    Pin = Pin

    class WDT:
        def __init__(self, timeout):
            pass

        def feed(self):
            pass


class Dead:
    """A device of which no block can be read."""

    def readblocks(self, block, buf, off=0):
        DONE.append("read")
        raise OSError(simflash.FLASH_OP_FAIL)

    writeblocks = readblocks

    def ioctl(self, op, arg):
        if op == 4:
            return 64
        if op == 5:
            return 4096
        raise OSError(simflash.FLASH_OP_FAIL)


def ordered(why):
    DONE.append("reset: " + why)
    raise Reset(why)


def setup():
    timebase.manual()
    DONE.clear()
    keystore.KeyStore().take_count("mount_failed")
    Pin.pressed = False
    _kept["attach"] = flash_device.attach_partitions
    _kept.update({"reset": reset_cause.reset, "closed": console.is_closed, "machine": machine})
    file_system.MOUNT_POINT = "/start"
    reset_cause.reset = ordered
    sys.modules["machine"] = Machine
    for name in ("boot", "main", "_boot"):
        sys.modules.pop(name, None)


def teardown():
    flash_device.attach_partitions, reset_cause.reset, console.is_closed = _kept["attach"], _kept["reset"], _kept["closed"]
    sys.modules["machine"] = _kept["machine"]
    for name in ("boot", "main", "_boot"):
        sys.modules.pop(name, None)
    try:
        vfs.umount("/start")
    except OSError:
        pass
    timebase.set_scale(1)


def start(device, closed, modules=("boot", "main")):
    """Run _boot.py; the reason of the reset with which it ended, None when it returned to the port."""

    def attached():
        if device is None:
            raise OSError(19)
        return device

    flash_device.attach_partitions = attached
    console.is_closed = lambda: closed
    path = list(sys.path)
    for name in modules:
        sys.modules[name] = name
    try:
        import _boot  # noqa: F401
    except Reset as reset:
        return str(reset)
    finally:
        sys.path[:] = path
        sys.modules.pop("_boot", None)
    return None


def formatted():
    device = simflash.Flash(None, 4096, 64)
    vfs.VfsLfs2.mkfs(device)
    return device


def test_contactors_open_before_the_flash_is_read():
    start(Dead(), True)
    equal(sorted(DONE[:3]), [("CONTACTOR_OUT", 3, 0), ("CONTACTOR_OUT_2", 3, 0), ("PHASE_SWITCH_OUT_N", 3, 1)])
    true(DONE.index("read") >= 3)


def test_blank_flash_gets_a_file_system_and_a_good_one_is_mounted():
    device = simflash.Flash(None, 4096, 64)
    equal(start(device, False), None)
    with open("/start/file", "w") as file:
        file.write("kept")
    vfs.umount("/start")
    equal(start(device, False), None)
    with open("/start/file") as file:
        equal(file.read(), "kept")


def test_damaged_file_system_is_not_formatted_and_a_closed_unit_tries_again_by_a_reset():
    device = formatted()
    for block in (0, 1):
        device.image[block] = b"\x00" * 4096
    before = list(device.image)
    equal(start(device, True), "a file system that cannot be mounted")
    equal(device.image, before)
    true(("LED", 3, 0) in DONE)
    equal(keystore.KeyStore().take_count("mount_failed"), 1)


def test_flash_that_cannot_be_read_ends_in_the_safe_state_and_not_at_a_prompt():
    for device in (Dead(), None):
        equal(start(device, True), "a file system that cannot be mounted")


def test_button_held_makes_a_new_file_system():
    device = formatted()
    for block in (0, 1):
        device.image[block] = b"\x00" * 4096
    Pin.pressed = True
    equal(start(device, True), "a new file system")
    vfs.umount("/start")
    true(file_system.mount(device))
    equal(keystore.KeyStore().take_count("formatted"), 1)


def test_open_unit_with_a_damaged_file_system_returns_to_the_port():
    equal(start(Dead(), False), None)
    equal([entry for entry in DONE if "reset" in entry], [])


def test_exception_in_boot_or_main_of_a_closed_unit_is_followed_by_a_reset():
    class Raising:
        def __init__(self, where):
            self.where = where

    for missing in ("boot", "main"):  # a module that cannot be imported raises, as one that fails does
        sys.modules.pop("boot", None)
        sys.modules.pop("main", None)
        folder = [place for place in sys.path if place.endswith("firmware")]
        true(folder)
        modules = () if missing == "boot" else ("boot",)
        fail = sys.modules.pop("board", None)
        sys.modules["board"] = Raising(missing)  # has no OUTLETS: boot.py fails on it; main.py on app's use of it
        try:
            equal(start(formatted(), True, modules), "an error of the firmware")
        finally:
            sys.modules.pop("board", None)
            if fail:
                sys.modules["board"] = fail
        try:
            vfs.umount("/start")
        except OSError:
            pass


def test_key_storage_that_cannot_be_opened_closes_the_console_and_keeps_nothing():
    kept = esp32.NVS

    def broken(namespace):
        raise OSError(-0x1101, "ESP_ERR_NVS_NOT_INITIALIZED")

    esp32.NVS = broken
    try:
        store = keystore.KeyStore()
        equal((store.available, store.key(), store.provisioned(), store.renewing()), (False, None, False, False))
        equal(store.log_key(5), (b"", 0))
        store.add_count(store.FORMATTED)
        equal(store.take_count(store.FORMATTED), 0)
        for call in ((store.seal, "X"), (store.unseal, True), (store.begin_change, b"k" * 32)):
            raises(OSError, *call)
        for name in ("get_i32", "get_blob", "set_i32", "set_blob", "erase_key", "commit"):
            equal(raises(OSError, getattr(store._nvs, name), "x", 1).errno, -0x1101, name)
        true(_kept["closed"]())
    finally:
        esp32.NVS = kept


def test_lost_device_key_is_reported_and_no_secret_is_read():
    from charger.credentials.vault import Vault

    events = []
    flashrig.fresh()
    try:
        files = flashrig.files()
        Vault(files, b"k" * 32).put("secret", b"x")
        vault = Vault(files, None, lambda event, info: events.append((event, info)))
        equal((vault.ready, vault.broken, vault.get("secret")), (False, "device key", None))
        equal(events, [("VaultBroken", "device key")])
        raises(OSError, vault.put, "secret", b"y")
        files.delete_folder("vault")
        equal(Vault(files, None).broken, "")
    finally:
        simflash.unmount()
