"""The services of a charge point that not everybody needs: imported and made when they are first asked for.

What is idle, with nothing to remember that is not on flash and nothing to do, is let go again. `loaded` is what has to be
told of sessions and of the passing of time.
"""

from charger import late

# name in `loaded`, and what of the package services goes with it
_GOES = (
    "profiles smart_charging,reservations reservations,list local_list,cache authorisation_cache"
    ",diagnostics diagnostics_upload,logs log_upload,logs diagnostics_text,logs upload_attempts"
)


def _none():
    return None


class LazyServices:
    """Base of the charge point. A service that has something on flash is made at start-up."""

    def __init__(self, config, files):
        self.config = config
        self.files = files
        self.loaded = {}
        self.manufacturer_roots = _none  # gives the ManufacturerRootCertificates, PEM or None (WP-30)
        self.store = None  # the CertificateStore
        self.settings = None  # what the link is made with (settings.py)
        self.reconnect = None  # coroutine function: make the link anew
        self.make_updater = _none  # gives the updater (services/firmware.py), None on a board without a second slot
        self.make_uploader = None  # gives a net.upload.Uploader, made anew each time; None where the unit has none

    def load_kept(self):
        """Make the services that have something to remember."""
        names = self.files.names()
        if "ocpp_profiles.json" in names and self.config.has_profile("SmartCharging"):
            self.smart_charging.recompute()
        if "ocpp_reservations.json" in names and self.config.has_profile("Reservation"):
            self.reservations.second()

    def let_go(self):
        """Give the memory of what is idle back."""
        for pair in _GOES.split(","):
            name, module = pair.split(" ")
            service = self.loaded.get(name)
            if service is not None and service.idle:
                del self.loaded[name]
                service = None
            if name not in self.loaded:
                late.drop("charger.ocpp.v16.services." + module)
        if "profiles" not in self.loaded:
            late.drop("charger.ocpp.v16.charging_profile")

    def has(self, name: str) -> bool:
        """True when a service was made already."""
        return name in self.loaded

    @property
    def updater(self):
        """The updater, None on a board without a second slot."""
        return self.make_updater()

    @property
    def smart_charging(self):
        """Charging profiles."""
        service = self.loaded.get("profiles")
        if service is None:
            from charger.ocpp.v16.services.smart_charging import SmartCharging

            service = self.loaded["profiles"] = SmartCharging(self)
        return service

    @property
    def reservations(self):
        """Reservations."""
        service = self.loaded.get("reservations")
        if service is None:
            from charger.ocpp.v16.services.reservations import Reservations

            service = self.loaded["reservations"] = Reservations(self)
        return service

    @property
    def local_list(self):
        """The local authorisation list."""
        service = self.loaded.get("list")
        if service is None:
            from charger.ocpp.v16.services.local_list import LocalList

            service = self.loaded["list"] = LocalList(self.config, self.files)
        return service

    @property
    def cache(self):
        """The authorisation cache."""
        service = self.loaded.get("cache")
        if service is None:
            from charger.ocpp.v16.services.authorisation_cache import Cache

            service = self.loaded["cache"] = Cache(self.files)
        return service

    @property
    def diagnostics(self):
        """Uploads of diagnostics."""
        service = self.loaded.get("diagnostics")
        if service is None:
            from charger.ocpp.v16.services.diagnostics_upload import Diagnostics

            service = self.loaded["diagnostics"] = Diagnostics(self)
        return service

    @property
    def logs(self):
        """Logs asked for by the back end."""
        service = self.loaded.get("logs")
        if service is None:
            from charger.ocpp.v16.services.log_upload import Logs

            service = self.loaded["logs"] = Logs(self)
        return service

    @property
    def certificates(self):
        """The unit's own certificate: requests, renewal; None without a store."""
        service = self.loaded.get("certificates")
        if service is None and self.store is not None:
            from charger.ocpp.v16.services.certificate_renewal import Certificates

            service = self.loaded["certificates"] = Certificates(self)
        return service

    @property
    def signed_firmware(self):
        """Signed updates asked for by the back end."""
        service = self.loaded.get("signed firmware")
        if service is None:
            from charger.ocpp.v16.services.signed_firmware_update import SignedFirmware

            service = self.loaded["signed firmware"] = SignedFirmware(self)
        return service

    @property
    def firmware(self):
        """Updates asked for by the back end."""
        service = self.loaded.get("firmware")
        if service is None:
            from charger.ocpp.v16.services.firmware_update import Firmware

            service = self.loaded["firmware"] = Firmware(self)
        return service
