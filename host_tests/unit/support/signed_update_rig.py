"""A charge point whose updater does as the test says, and requests of SignedUpdateFirmware to it."""

import hashlib

import signing_data as data
from ocpp_rig import NOW, Rig

from charger import clock
from charger.audit.security_log import SecurityLog


class Updater:
    """Does as the test says: `faults` are raised by the next fetches, `installing` by install()."""

    def __init__(self):
        self.content = b"image"
        self.faults = []
        self.installing = None
        self.result = None
        self.log = []
        self.on_pause = None
        self.on_trial = False
        self.pauses = False

    async def fetch(self, location):
        self.log.append("fetch")
        await clock.sleep_ms(500)
        if self.pauses:
            self.on_pause(True)
            await clock.sleep_ms(500)
            self.on_pause(False)
        if self.faults:
            raise self.faults.pop(0)

    def digest(self):
        return hashlib.sha256(self.content).digest()

    def discard(self):
        self.log.append("discard")

    async def install(self):
        self.log.append("install")
        if self.installing is not None:
            raise self.installing
        while True:  # the board restarts
            await clock.sleep_ms(1000)

    def outcome(self):
        return self.result


async def online_rig(profile=2):
    rig = Rig(factory={"SecurityProfile": str(profile)})
    equip(rig)
    await rig.online()
    return rig


def equip(rig, updater=None):
    rig.updater = updater or Updater()
    rig.cp.make_updater = lambda: rig.updater
    rig.cp.manufacturer_roots = lambda: data.ROOT
    rig.cp.security_log = rig.security_log = SecurityLog(rig.files, max_bytes=8192, segment_bytes=4096)


async def restart(rig, **outcome):
    """The unit restarts; its updater is as said then."""
    await rig.power_cut()
    equip(rig)
    for name, value in outcome.items():
        setattr(rig.updater, name, value)
    await rig.online()


async def request_update(rig, number=1, certificate=data.EC_SIGNER, signature=data.ECDSA, **fields):
    firmware = {"location": "https://host/fw.bin", "retrieveDateTime": clock.iso(fields.pop("at", NOW - 1000)),
                "signingCertificate": certificate, "signature": signature}
    if "install" in fields:
        firmware["installDateTime"] = clock.iso(fields.pop("install"))
    answer = await rig.call("SignedUpdateFirmware", requestId=number, firmware=firmware, **fields)
    return answer["status"]


def statuses(rig, number=1):
    return [p["status"] for p in rig.link.of("SignedFirmwareStatusNotification") if p.get("requestId") == number]


def logged(rig):
    return [entry.event for entry in rig.security_log.entries()]


async def wait_status(rig, status, number=1):
    await rig.until(lambda: statuses(rig, number)[-1:] == [status], 400000)
