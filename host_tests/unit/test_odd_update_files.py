"""Files of updates, uploads and credentials with a right checksum and a wrong value in any field (SEC-13); see test_odd_files."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down

import flashrig
from check import equal, true
from ocpp_rig import NOW, Rig
from odd_files import each

from charger import clock, version, wiring
from charger.audit.security_log import SecurityLog
from charger.config.configuration import Configuration
from charger.credentials import certificate_store
from charger.credentials.vault import Vault
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.v16.services import id_tag_table
from charger.ocpp.v16.services.authorisation_cache import AuthorisationCache
from charger.ocpp.v16.services.diagnostics_upload import DiagnosticsUpload
from charger.ocpp.v16.services.firmware_update import FirmwareUpdate
from charger.ocpp.v16.services.log_upload import LogUpload
from charger.runtime import cooperative
from charger.store.safety_value import SafetyValue  # noqa: F401 - as asyncio
from charger.update.updater import Updater, proof_of

HEAP = 8 * 1024 * 1024
_JOB = {"location": "https://h/f", "retrieve_s": NOW + 3600, "retries": 1, "interval_s": 60, "begun": 0}
_UPLOAD = {"location": "https://h/f", "name": "n", "retries": 1, "interval_s": 60, "span": [NOW, None]}


class TrialSlots:
    """The slots of a unit; `trial` is what their storage has of the last installation."""

    running, idle, size = "ota_0", "ota_1", 65536

    def __init__(self, trial):
        self.trial = trial

    def number(self, _name):
        return 0

    def data(self, name):
        return self.trial if name == "trial" else None

    def put_number(self, _name, _value):
        """Nothing is kept."""

    put_data = put_number

    def confirm(self):
        """Nothing to do."""


def test_the_offer_and_the_trial_of_an_update():
    """An offer without an address is none; a record that install() did not write confirms nothing, and none ends the start."""
    flashrig.fresh()
    files = flashrig.files()

    def started(trial=None):
        updater = Updater(files, TrialSlots(trial), {"board": "SIM", "hardware": 1}, [], False)
        true(updater.offer is None or set(updater.offer) >= {"version", "url"}, updater.offer)
        updater.report()
        if updater.on_trial:
            updater.confirm()
        return updater

    each(files, "update_offer.json", {"version": "9.0.0", "url": "https://h/a"}, started)
    record = {"slot": "ota_0", "version": version.VERSION, "from": "0.0.1", "online": True, "size": 5,
              "sha256": "00" * 32, "counter": 1}  # fmt: skip
    each(files, "trial.json", record, lambda: started(proof_of(record)))
    each(files, "trial.json", dict(record, slot="ota_1", why="x"), started)


def test_the_number_of_starts():
    flashrig.fresh()
    files = flashrig.files()

    def counted():
        wiring.count_boot(files)
        true(0 < clock.boot_id < 1 << 31, clock.boot_id)

    each(files, "boot.json", 7, counted)


def _linked(files):
    """A start with a trial of credentials, and the end of that trial."""
    vault = Vault(files, bytes(32))
    config = Configuration(files, {"SecurityProfile": "2"}, vault=vault)
    config.put("SecurityProfile", "2")
    factory = {"ca": "a root", "client_cert": "OLD", "client_key": "old"}
    store = certificate_store.CertificateStore(files, config, lambda *_: None, vault, factory)
    settings = ConnectionSettings(config, {"url": "wss://h", "identity": "CP1", "ca": "a root"}, store)
    for _ in range(6):
        settings.failed("auth")
    true(config.get_str("SecurityProfile") in ("0", "1", "2", "3"), config.get_str("SecurityProfile"))
    settings.change().opened()
    cooperative.run_now(settings.change().finish())
    for kind in (certificate_store.CENTRAL_SYSTEM, certificate_store.MANUFACTURER):
        store.roots(kind)
    store.deleted_factory_roots()


def test_credentials_on_trial_and_the_deleted_roots_of_the_factory():
    flashrig.fresh()
    files = flashrig.files()
    each(files, "ocpp_trial.json", {"profile": 1, "key": "vault", "certificate": True}, lambda: _linked(files))
    each(files, "roots_gone.json", ["0" * 64], lambda: _linked(files))


async def test_uploads_and_updates_that_a_restart_interrupted():
    rig = Rig()
    await rig.online()
    cp, files = rig.cp, rig.files
    cp.make_uploader = lambda: None  # each attempt fails
    cp.security_log = SecurityLog(files)
    made = []

    def resumed(service):
        for other in made:
            other.cancel()
        made[:] = [service._uploads]
        service.resume()
        service.second()
        service.trigger()

    common = (rig.config, files, cp.make_uploader, cp.diagnostics_text, cp.post_call, cp.ready)
    each(files, "ocpp_diagnostics.json", _UPLOAD, lambda: resumed(DiagnosticsUpload(*common)))
    each(files, "ocpp_log.json", dict(_UPLOAD, kind="SecurityLog", id=3),
         lambda: resumed(LogUpload(*common, cp.security_log)))

    def firmware():
        service = FirmwareUpdate(files, cp.availability, cp.updater, cp.post_call, cp.ready)
        service.resume()
        service.second()
        true(service.busy in (True, False))

    each(files, "ocpp_firmware.json", _JOB, firmware)


BAD = (b"", b"tag1", b"tag1\tAccepted", b"tag1\t\t\t", b"tag1\tAccepted\t\tsoon", b"tag1\tAccepted\t\t1\t2", b"tag1\t\xff\t\t")


async def test_damaged_records_of_cache_and_local_list_are_skipped_with_one_line_of_the_log():
    """The good ones beside them are found, and what is learned or sent afterwards leaves the damaged ones out."""
    rig = Rig()
    await rig.online()
    files = rig.files
    good = b"tag2\tBlocked\t\t"
    warned = []
    kept, id_tag_table.log = id_tag_table.log, Log(warned)
    try:
        for bad in BAD:
            id_tag_table._told = False
            warned.clear()
            files.write("ocpp_cache", b"\n" + bad + b"\n" + good)
            cache = AuthorisationCache(files)
            equal((cache.find("TAG1"), cache.find("TAG2")), (None, ("Blocked", None)), bad)
            cache.learn("TAG3", {"status": "Accepted"})
            equal(files.read("ocpp_cache"), b"\n" + good + b"\ntag3\tAccepted\t\t", bad)
            files.write("ocpp_local_list", b"7\n" + bad + b"\n" + good)
            local = rig.cp.id_tags.local_list().__class__(rig.config, files)
            equal((local.find("TAG1"), local.find("TAG2"), local.version), (None, ("Blocked", None), 7), bad)
            equal(await local.update(8, False, [{"idTag": "TAG4", "idTagInfo": {"status": "Accepted"}}]), "Accepted")
            equal(files.read("ocpp_local_list"), b"8\n" + good + b"\ntag4\tAccepted\t\t", bad)
            equal(len(warned), 1, (bad, warned))
    finally:
        id_tag_table.log = kept


class Log:
    """Keeps warnings."""

    def __init__(self, warned):
        self.warned = warned

    def warn(self, _source, text):
        self.warned.append(text)
