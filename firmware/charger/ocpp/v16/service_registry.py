"""The optional services of a charge point, imported and created on first use.

docs/PERFORMANCE.md has the memory of their modules. `loaded` services receive session events and the 1 s tick.
"""

from charger.credentials.certificate_store import MANUFACTURER, load_checks
from charger.runtime import cooperative


def _none():
    return None


class ServiceRegistry:
    """Base of the charge point, which sets these attributes. A service with data on flash is created at start-up."""

    connectors: list
    sessions: SessionStore
    planner: Planner | None
    supply_da: int | None
    security_log: SecurityLog | None
    status: StatusNotification
    state: Callable
    availability: Availability
    note: Callable
    post_call: Callable
    ready: Callable
    reconnect: Callable

    def __init__(self, config: Configuration, files: Files, store: CertificateStore | None = None,
                 settings: ConnectionSettings | None = None, make_updater: Callable | None = None,
                 make_uploader: Callable | None = None):
        self.config = config
        self.files = files
        self.loaded = {}
        self.store = store
        self.settings = settings
        self.make_updater = make_updater or _none
        self.make_uploader = make_uploader

    def manufacturer_roots(self) -> bytes | None:
        """Return the ManufacturerRootCertificates, which verify signing certificates of firmware, PEM (WP-30)."""
        return None if self.store is None else self.store.roots(MANUFACTURER)

    @property
    def plain(self) -> bool:
        """True on a link without encryption inside the home: its other end changes no credentials and no certificates."""
        return self.settings is not None and self.settings.plain

    def loading(self) -> Steps:
        """Create the services that have data on flash: a generator of slices."""
        names = self.files.names()
        if "ocpp_profiles.json" in names and self.config.has_profile("SmartCharging"):
            yield from self.smart_charging().loading()
            self.smart_charging().recompute()
            yield
        if "ocpp_reservations.json" in names and self.config.has_profile("Reservation"):
            self.reservations().second()

    def has(self, name: str) -> bool:
        """True when a service was created already."""
        return name in self.loaded

    def updater(self) -> Any | None:
        """Return the updater, None on a board without a second slot."""
        return self.make_updater()

    def updates_firmware(self) -> bool:
        """True while an update that UpdateFirmware requested waits or runs."""
        return self.has("firmware") and self.loaded["firmware"].busy

    def smart_charging(self) -> SmartCharging:
        """Return the service of charging profiles, created if necessary, as those below."""
        service = self.loaded.get("profiles")
        if service is None:
            # 3,900 frozen bytes, for units with charging profiles
            from charger.ocpp.v16.services.smart_charging import SmartCharging

            service = self.loaded["profiles"] = SmartCharging(
                self.config, self.connectors, self.files, self.planner, self.supply_da)  # fmt: skip
        return service

    def reservations(self) -> Reservations:
        """Return the reservations."""
        service = self.loaded.get("reservations")
        if service is None:
            from charger.ocpp.v16.services.reservations import Reservations  # 2,300 frozen bytes, for units with reservations

            service = self.loaded["reservations"] = Reservations(self.config, self.connectors, self.files, self.status)
        return service

    def diagnostics(self) -> DiagnosticsUpload:
        """Return the uploads of diagnostics."""
        service = self.loaded.get("diagnostics")
        if service is None:
            from charger.ocpp.v16.services.diagnostics_upload import DiagnosticsUpload  # 800 frozen bytes, for GetDiagnostics

            service = self.loaded["diagnostics"] = DiagnosticsUpload(
                self.config, self.files, self.make_uploader, self.diagnostics_text, self.post_call, self.ready)  # fmt: skip
        return service

    def logs(self) -> LogUpload:
        """Return the uploads of logs that the back end requests."""
        service = self.loaded.get("logs")
        if service is None:
            from charger.ocpp.v16.services.log_upload import LogUpload  # 1,300 frozen bytes, for GetLog

            service = self.loaded["logs"] = LogUpload(
                self.config, self.files, self.make_uploader, self.diagnostics_text, self.post_call, self.ready,
                self.security_log)  # fmt: skip
        return service

    def certificates(self) -> CertificateRenewal | None:
        """Return the renewal of the unit's own certificate; None without a store."""
        service = self.loaded.get("certificates")
        if service is None and self.store is not None and self.settings is not None:
            # 3,300 frozen bytes, for units with a certificate that the back end renews
            from charger.ocpp.v16.services.certificate_renewal import CertificateRenewal

            service = self.loaded["certificates"] = CertificateRenewal(
                self.config, self.store, self.settings, self.post_call, self.ready, self.reconnect)  # fmt: skip
        return service

    def signed_firmware(self) -> SignedFirmwareUpdate:
        """Return the signed updates that the back end requests."""
        service = self.loaded.get("signed firmware")
        if service is None:
            # 2,600 frozen bytes, for SignedUpdateFirmware
            from charger.ocpp.v16.services.signed_firmware_update import SignedFirmwareUpdate

            service = self.loaded["signed firmware"] = SignedFirmwareUpdate(
                self.files, self.availability, self.updater, self.post_call, self.ready, self.note, self.manufacturer_roots,
                self.updates_firmware)  # fmt: skip
        return service

    async def load_signed_firmware(self) -> SignedFirmwareUpdate:
        """Return signed_firmware(); its first import in slices."""
        if "signed firmware" not in self.loaded:
            await cooperative.run(load_checks())
        return self.signed_firmware()

    def firmware(self) -> FirmwareUpdate:
        """Return the updates that the back end requests."""
        service = self.loaded.get("firmware")
        if service is None:
            from charger.ocpp.v16.services.firmware_update import FirmwareUpdate  # 1,700 frozen bytes, for UpdateFirmware

            service = self.loaded["firmware"] = FirmwareUpdate(
                self.files, self.availability, self.updater, self.post_call, self.ready)  # fmt: skip
        return service

    def diagnostics_text(self, span: tuple) -> DiagnosticsText:
        """Return the diagnostics of a time, two UTC seconds or None for no bound."""
        from charger.ocpp.v16.services.diagnostics_text import DiagnosticsText  # 1,300 frozen bytes, for an upload

        return DiagnosticsText(self.config, self.connectors, self.sessions, self.state, span)

    def give_way(self) -> bool:
        """End the downloads of the back end for the owner's update; False once an installation has begun."""
        for name in ("firmware", "signed firmware"):
            if name in self.loaded and not self.loaded[name].give_way():
                return False
        return True
