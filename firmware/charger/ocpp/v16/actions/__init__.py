"""Messages of the back end: one module each, imported when its message first comes.

SPEC is the form of the message. A module only translates between the message and the services: handle(cp, request)
gives the payload of the answer, or is a coroutine that does; what has to follow the answer goes to cp.after().
"""

from charger.errors import OcppError
from charger.ocpp.transport.error_codes import NOT_SUPPORTED

# action: (the feature profile that it belongs to, its module of this package)
ACTIONS = {
    "CancelReservation": ("Reservation", "cancel_reservation"),
    "CertificateSigned": ("Core", "certificate_signed"),
    "ChangeAvailability": ("Core", "change_availability"),
    "ChangeConfiguration": ("Core", "change_configuration"),
    "ClearCache": ("Core", "clear_cache"),
    "ClearChargingProfile": ("SmartCharging", "clear_charging_profile"),
    "DataTransfer": ("Core", "data_transfer"),
    "DeleteCertificate": ("Core", "delete_certificate"),
    "ExtendedTriggerMessage": ("Core", "extended_trigger_message"),
    "GetCompositeSchedule": ("SmartCharging", "get_composite_schedule"),
    "GetConfiguration": ("Core", "get_configuration"),
    "GetDiagnostics": ("FirmwareManagement", "get_diagnostics"),
    "GetInstalledCertificateIds": ("Core", "get_installed_certificate_ids"),
    "GetLocalListVersion": ("LocalAuthListManagement", "get_local_list_version"),
    "GetLog": ("Core", "get_log"),
    "InstallCertificate": ("Core", "install_certificate"),
    "RemoteStartTransaction": ("Core", "remote_start_transaction"),
    "RemoteStopTransaction": ("Core", "remote_stop_transaction"),
    "ReserveNow": ("Reservation", "reserve_now"),
    "Reset": ("Core", "reset"),
    "SendLocalList": ("LocalAuthListManagement", "send_local_list"),
    "SetChargingProfile": ("SmartCharging", "set_charging_profile"),
    "SignedUpdateFirmware": ("Core", "signed_update_firmware"),
    "TriggerMessage": ("RemoteTrigger", "trigger_message"),
    "UnlockConnector": ("Core", "unlock_connector"),
    "UpdateFirmware": ("FirmwareManagement", "update_firmware"),
}

_loaded = {}  # action: its module; importing one again costs more than most messages take to handle


def profile_of(action: str) -> str | None:
    """The feature profile of an action, None for an action that this charger does not know."""
    known = ACTIONS.get(action)
    return None if known is None else known[0]


def without_profile(action: str) -> dict:
    """The answer where the action's profile is switched off: in words of its own where it has them, else NotSupported."""
    if action == "GetLocalListVersion":
        return {"listVersion": -1}  # OCPP-56
    if action == "SendLocalList":
        return {"status": "NotSupported"}
    if action in ("ReserveNow", "CancelReservation"):
        return {"status": "Rejected"}  # OCPP-71
    raise OcppError(NOT_SUPPORTED, "")


def load(action: str):
    """The module of a known action. Only names of the table are imported, nothing that came from outside."""
    module = _loaded.get(action)
    if module is None:
        module = __import__("charger.ocpp.v16.actions." + ACTIONS[action][1], None, None, ("handle",))
        _loaded[action] = module
    return module
