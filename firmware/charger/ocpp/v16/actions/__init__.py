"""Actions: the back end's messages, one module each, imported with its first message.

SPEC is the schema of the message. A module translates between message and services: handle(cp, request) returns the
answer's payload, or is a coroutine that does; cp.after() registers what follows the answer.
"""

from charger.errors import OcppError
from charger.ocpp.transport.error_codes import NOT_SUPPORTED

# action: (feature profile, module of this package)
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

_loaded = {}  # action: its module; a repeated import takes longer than handling most messages


def profile_of(action: str) -> str | None:
    """Return the feature profile of an action, None for an unknown action."""
    known = ACTIONS.get(action)
    return None if known is None else known[0]


def without_profile(action: str) -> dict:
    """Return the answer when the action's profile is disabled: the action's own status if there is one, else NotSupported."""
    if action == "GetLocalListVersion":
        return {"listVersion": -1}  # OCPP-56
    if action == "SendLocalList":
        return {"status": "NotSupported"}
    if action in ("ReserveNow", "CancelReservation"):
        return {"status": "Rejected"}  # OCPP-71
    raise OcppError(NOT_SUPPORTED, "")


def load(action: str):
    """Import the module of a known action. Only names in the table are imported, never received text."""
    module = _loaded.get(action)
    if module is None:
        module = __import__("charger.ocpp.v16.actions." + ACTIONS[action][1], None, None, ("handle",))
        _loaded[action] = module
    return module
