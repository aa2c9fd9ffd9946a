"""Messages of the back end: one module each, imported when its message first comes.

SPEC is the form of the message. A module only translates between the message and the services: handle(cp, request)
gives the payload of the answer, or is a coroutine that does; what has to follow the answer goes to cp.after().
"""

from charger.ocpp.transport.errors import NOT_SUPPORTED, OcppError

# action: the feature profile that it belongs to
_TABLE = """
CancelReservation Reservation
CertificateSigned Core
ChangeAvailability Core
ChangeConfiguration Core
ClearCache Core
ClearChargingProfile SmartCharging
DataTransfer Core
DeleteCertificate Core
ExtendedTriggerMessage Core
GetCompositeSchedule SmartCharging
GetConfiguration Core
GetDiagnostics FirmwareManagement
GetInstalledCertificateIds Core
GetLocalListVersion LocalAuthListManagement
GetLog Core
InstallCertificate Core
RemoteStartTransaction Core
RemoteStopTransaction Core
ReserveNow Reservation
Reset Core
SendLocalList LocalAuthListManagement
SetChargingProfile SmartCharging
SignedUpdateFirmware Core
TriggerMessage RemoteTrigger
UnlockConnector Core
UpdateFirmware FirmwareManagement
"""


def profile_of(action: str) -> str | None:
    """The feature profile of an action, None for an action that this charger does not know."""
    if not action.isalpha():
        return None
    at = _TABLE.find("\n" + action + " ")
    if at < 0:
        return None
    at += len(action) + 2
    return _TABLE[at : _TABLE.find("\n", at)]


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
    """The module of a known action. Each import is written out: nothing from outside names a module."""
    if action == "ChangeConfiguration":
        from charger.ocpp.v16.actions import change_configuration as module
    elif action == "GetConfiguration":
        from charger.ocpp.v16.actions import get_configuration as module
    elif action == "RemoteStartTransaction":
        from charger.ocpp.v16.actions import remote_start_transaction as module
    elif action == "RemoteStopTransaction":
        from charger.ocpp.v16.actions import remote_stop_transaction as module
    elif action == "TriggerMessage":
        from charger.ocpp.v16.actions import trigger_message as module
    elif action == "Reset":
        from charger.ocpp.v16.actions import reset as module
    elif action == "ChangeAvailability":
        from charger.ocpp.v16.actions import change_availability as module
    elif action == "UnlockConnector":
        from charger.ocpp.v16.actions import unlock_connector as module
    elif action == "DataTransfer":
        from charger.ocpp.v16.actions import data_transfer as module
    elif action == "ClearCache":
        from charger.ocpp.v16.actions import clear_cache as module
    else:
        module = _load_optional(action)
    return module


def _load_optional(action: str):
    """The actions outside the Core profile."""
    if action == "SetChargingProfile":
        from charger.ocpp.v16.actions import set_charging_profile as module
    elif action == "ClearChargingProfile":
        from charger.ocpp.v16.actions import clear_charging_profile as module
    elif action == "GetCompositeSchedule":
        from charger.ocpp.v16.actions import get_composite_schedule as module
    elif action == "SendLocalList":
        from charger.ocpp.v16.actions import send_local_list as module
    elif action == "GetLocalListVersion":
        from charger.ocpp.v16.actions import get_local_list_version as module
    elif action == "ReserveNow":
        from charger.ocpp.v16.actions import reserve_now as module
    elif action == "CancelReservation":
        from charger.ocpp.v16.actions import cancel_reservation as module
    elif action == "GetDiagnostics":
        from charger.ocpp.v16.actions import get_diagnostics as module
    elif action == "UpdateFirmware":
        from charger.ocpp.v16.actions import update_firmware as module
    else:
        module = _load_security(action)
    return module


def _load_security(action: str):
    """The actions of the security whitepaper."""
    if action == "GetLog":
        from charger.ocpp.v16.actions import get_log as module
    elif action == "ExtendedTriggerMessage":
        from charger.ocpp.v16.actions import extended_trigger_message as module
    elif action == "SignedUpdateFirmware":
        from charger.ocpp.v16.actions import signed_update_firmware as module
    elif action == "InstallCertificate":
        from charger.ocpp.v16.actions import install_certificate as module
    elif action == "DeleteCertificate":
        from charger.ocpp.v16.actions import delete_certificate as module
    elif action == "GetInstalledCertificateIds":
        from charger.ocpp.v16.actions import get_installed_certificate_ids as module
    elif action == "CertificateSigned":
        from charger.ocpp.v16.actions import certificate_signed as module
    else:
        raise ValueError(action)
    return module
