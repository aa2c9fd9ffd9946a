"""The charger around the handlers that handler_slices.py measures: archives in use, a session, an owner who is logged in."""

import asyncio
import gc
import os

import counting
import flashrig
import ocpp_rig
import vfs
from memory_vault import MemoryVault

from charger.access import tokens
from charger.audit.security_log import SecurityLog
from charger.credentials.certificate_store import CertificateStore
from charger.local_api.listener import LocalApiListener, LoginSession
from charger.metering.charging_session import Session
from charger.ocpp.v16.services import certificate_renewal
from charger.store import ab_record, file_system, files, journal
from sim import flash as simflash

_DISK = 0x85000000
_DISK_BYTES = 0x100000
SESSIONS = 200
EVENTS = 300
_COMPACTION = 2_000_000  # instructions; a write without one takes less
_GARBAGE = 24576  # bytes made since the last collection at which the next one is due


def fresh(blocks=64, image=None):
    """An empty file system in the target's memory."""
    simflash.unmount(flashrig.ROOT)
    device = counting.Disk(_DISK, _DISK_BYTES)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(file_system.opened(device), flashrig.ROOT)
    return device


class Slices:
    """The longest slice of all tasks that begin between begin() and end(), instructions; without the compactions of littlefs."""

    def __init__(self):
        self.longest = 0
        self.compaction = 0  # the longest one, instructions
        self._before = 0  # of this slice, before the last write
        self.of = ""  # the task's coroutine
        self.alive = 0  # bytes of heap
        self.on = False
        self._create = asyncio.create_task

    def watch(self):
        """Count the tasks that are created from now on."""
        asyncio.create_task = self.create
        asyncio.core.create_task = self.create

    def create(self, coroutine):
        """In place of asyncio.create_task()."""
        return self._create(self.counted(coroutine))

    def counted(self, coroutine):
        """The coroutine, each step of it counted."""
        send = None
        while True:
            if self.on:
                counting.begin()
            try:
                if send is None:
                    value = next(coroutine)
                else:
                    value = coroutine.throw(send)
            except StopIteration as done:
                self._note(coroutine)
                return done.value
            except BaseException:
                self._note(coroutine)
                raise
            self._note(coroutine)
            if self.on and gc.mem_alloc() - self.alive > _GARBAGE:
                gc.collect()
                self.alive = gc.mem_alloc()
            send = None
            try:
                yield value
            except BaseException as error:  # noqa: BLE001 - it belongs to the coroutine
                send = error

    def begin(self):
        """Collections come between slices from now on, not in them."""
        gc.collect()
        gc.disable()
        self.alive = gc.mem_alloc()
        self.longest = 0
        self.on = True

    def end(self):
        """The longest one."""
        self.on = False
        gc.enable()
        return self.longest

    def write(self, function, *arguments):
        """Do what writes to the flash; a compaction of the folder's log is a figure of its own, as a collection is."""
        if not self.on:
            return function(*arguments)
        self._before += counting.end()
        counting.begin()
        try:
            return function(*arguments)
        finally:
            took = counting.end()
            if took > _COMPACTION:
                self.compaction = max(took, self.compaction)
            else:
                self._before += took
            counting.begin()

    def _note(self, coroutine):
        if self.on:
            took = self._before + counting.end()
            self._before = 0
            if took > self.longest:
                self.longest = took
                self.of = repr(coroutine)


slices = Slices()


class File:
    """A file whose open() and close() may write to the folder's log."""

    def __init__(self, *arguments):
        self._file = slices.write(open, *arguments)

    def __enter__(self):
        return self._file

    def __exit__(self, *_):
        slices.write(self._file.close)


class WatchedOs:
    """The module os, of which these write."""

    def __getattr__(self, name):
        return getattr(os, name)

    def rename(self, old, new):
        slices.write(os.rename, old, new)

    def remove(self, path):
        slices.write(os.remove, path)


def watch_writes():
    """Let all writes of the store go through Slices.write()."""
    files.os = WatchedOs()
    for module in (files, journal, ab_record):
        module.open = File


class Verdict:
    """The right PIN."""

    ok, state, wait_s, why, device = True, "ok", 0, "", "device"


class Pins:
    """In place of access/pin.py, whose slices are those of PBKDF2."""

    changes = {"owner": 0, "installer": 0}

    async def check(self, role, pin, surface, device=""):
        return Verdict()

    async def change(self, role, wanted, pin, surface):
        return ""


class Vault(MemoryVault):
    """Secrets in memory: what AES takes here is no measure of a chip."""

    def __init__(self):
        super().__init__()
        self.token = "0" * 32

    def with_tokens(self):
        """As many as there may be; `token` is the last one, which is found last."""
        for number in range(8):
            self.token = tokens.make(self, "%d" % number + "x" * 23, list(tokens.RIGHTS), False)
        return self

    def names(self):
        return list(self.kept)


class Part:
    """A part of which the report reads some facts."""

    def __init__(self, **facts):
        for name, value in facts.items():
            setattr(self, name, value)

    def report(self):
        return {"version": "0.1.0", "offer": None, "altered": False, "open": False, "latched": False, "policy": "latch"}

    def ifconfig(self):
        return ("192.0.2.7", "255.255.255.0", "192.0.2.1", "192.0.2.1")

    def isconnected(self):
        return True

    def status(self, _what):
        return -60

    def changed(self):
        pass

    def prove(self, *_):
        pass


class Sink:
    """An upload to a server that takes everything at once: counted and sent as net/upload.py does."""

    async def send(self, location, name, pieces):
        for _ in pieces():
            await asyncio.sleep(0)
        for _ in pieces():
            await asyncio.sleep(0)


class App:
    """The parts of the application that local API and portal use, on the rig's charge point."""

    provisioned = True
    group = learning = None
    heap_peak = 0
    mqtt_client = syslog_client = house_meter = None

    def __init__(self, rig, log):
        self.rig = rig
        self.connectors = rig.connectors
        for connector in rig.connectors:
            connector.outlet.pilot_name = lambda: "C2"
        self.planner = rig.planner
        self.charge_point = rig.cp
        self.config = rig.config
        self.files = rig.files
        self.sessions = rig.sessions
        self.security_log = log
        self.vault = Vault()
        self.pins = Pins()
        self.tamper = Part()
        busy = {"offer": {"version": "0.9.0"}, "busy": True, "on_trial": False, "awaits_backend": False, "reserved": False}
        self.updates = Part(updater=lambda: Part(**busy))
        self.link = Part(fault=None)
        self.station = Part()
        self.settings = Part(url=None, security_profile=3)
        self.wifi = Part(setup=None, host="pilotlight-1", wired=lambda: False, scan=lambda: [("n" * 32, -60, True)] * 16)
        self.readers = [(rig.connectors[0], None)]
        self.control = Part(ticks=1, max_gap_ms=20, max_us=2000)
        self.supervisor = Part(failed=None)
        self.listener = LocalApiListener("0.0.0.0:443", None, None, None)
        self.session = LoginSession("owner")
        self.listener.sessions.append(self.session)

    def report(self):
        from charger.status_report import charger_report

        return charger_report(self)

    def acknowledge(self, role):
        return True

    def reopen_console(self):
        return True

    def restart(self, kind, why):
        pass


async def charging_unit():
    """(rig, application) of a unit of two connectors that charges at the first, with archives in use."""
    flashrig.fresh = fresh
    rig = ocpp_rig.Rig(connectors=2, country="GB")
    log = SecurityLog(rig.files)
    for number in range(EVENTS):
        log._write("PinRefused", "no. %d by somebody at the page, as owner" % number)
    rig.cp.security_log = log
    rig.cp.make_uploader = Sink
    certificate_renewal.gc = Part(collect=lambda: None)  # a slice of its own, counted apart
    rig.cp.store = CertificateStore(rig.files, rig.config, None, Vault())
    await rig.online()
    for number in range(SESSIONS):
        session = Session(number, 1, "TAG%05d" % number, 1000 * number)
        session.stop_utc = ocpp_rig.NOW - 1000 * (SESSIONS - number)
        rig.sessions.history.add(session)
    await rig.plug(1)
    rig.cp.tag_shown(rig.connectors[0], "TAG00001")
    await rig.until(lambda: rig.connectors[0].session is not None and rig.connectors[0].session.transaction_id is not None)
    return rig, App(rig, log)
