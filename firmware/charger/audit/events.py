"""The names of security events: those of the OCPP security whitepaper, and the project's own (WP-42, 43).

Modules without access to the security log get a callable on_event(event, info) and use these names with it.
"""

# of the whitepaper
FIRMWARE_UPDATED = "FirmwareUpdated"
FAILED_TO_AUTHENTICATE = "FailedToAuthenticateAtCentralSystem"
BACK_END_FAILED_TO_AUTHENTICATE = "CentralSystemFailedToAuthenticate"
TIME_SET = "SettingSystemTime"
STARTUP = "StartupOfTheDevice"
RESET = "ResetOrReboot"
LOG_CLEARED = "SecurityLogWasCleared"
RECONFIGURED = "ReconfigurationOfSecurityParameters"
MEMORY_EXHAUSTION = "MemoryExhaustion"
INVALID_MESSAGES = "InvalidMessages"
REPLAY = "AttemptedReplayAttacks"
TAMPER = "TamperDetectionActivated"
INVALID_FIRMWARE_SIGNATURE = "InvalidFirmwareSignature"
INVALID_SIGNING_CERTIFICATE = "InvalidFirmwareSigningCertificate"
INVALID_BACK_END_CERTIFICATE = "InvalidCentralSystemCertificate"
INVALID_OWN_CERTIFICATE = "InvalidChargePointCertificate"
INVALID_TLS_VERSION = "InvalidTLSVersion"
INVALID_TLS_SUITE = "InvalidTLSCipherSuite"

# the project's own
PIN_ACCEPTED = "PinAccepted"
PIN_REFUSED = "PinRefused"
PIN_CHANGED = "PinChanged"
PIN_LOCKOUT = "PinLockout"
AUTHORISED = "AuthorisationAccepted"
NOT_AUTHORISED = "AuthorisationRefused"
UPDATE_FAILED = "UpdateFailed"
UPDATE_CHECKED = "UpdateChecked"
UPDATE_CHECK_FAILED = "UpdateCheckFailed"
FIRMWARE_INTEGRITY = "FirmwareIntegrityFailed"
CERTIFICATE_INSTALLED = "CertificateInstalled"
CERTIFICATE_REFUSED = "CertificateRefused"
CERTIFICATE_DELETED = "CertificateDeleted"
PERSONAL_DATA_ERASED = "PersonalDataErased"
FACTORY_RESET = "FactoryReset"
VAULT_BROKEN = "VaultBroken"
SAFETY_VALUE = "SafetyValueDamaged"
TAMPER_CLEARED = "TamperAcknowledged"
DEBUG_ACCESS = "DebugAccess"
FLASH_FAILED = "FileSystemFailed"
LOG_ALTERED = "SecurityLogAltered"
LOG_FULL = "SecurityLogFull"
LOG_FAILED = "SecurityLogWriteFailed"
SUPPRESSED = "EventsSuppressed"

# critical by WP-43, and own events that need action
CRITICAL = (
    FIRMWARE_UPDATED, TIME_SET, STARTUP, RESET, LOG_CLEARED, MEMORY_EXHAUSTION, TAMPER, FIRMWARE_INTEGRITY,
    VAULT_BROKEN, SAFETY_VALUE, LOG_ALTERED,
)  # fmt: skip

SINKS = ("ocpp", "mqtt")  # receivers of the log, each with its own mark

# Not sent to the back end: it knows these, or they concern only the owner. All others are sent (WP-44).
_HOME = (AUTHORISED, NOT_AUTHORISED, PIN_ACCEPTED, PIN_REFUSED, PIN_CHANGED, SUPPRESSED)

# Events of each failed attempt to connect: a repetition with the same text within an hour is only counted.
LINK = (
    FAILED_TO_AUTHENTICATE, BACK_END_FAILED_TO_AUTHENTICATE, INVALID_BACK_END_CERTIFICATE, INVALID_OWN_CERTIFICATE,
    INVALID_TLS_VERSION, INVALID_TLS_SUITE,
)  # fmt: skip

# Events that an outsider can cause at any rate: a few are logged, then a count at intervals. Wrong PINs are not among
# them: access/pin_throttle.py limits them, so each is logged.
NOISY = LINK + (INVALID_MESSAGES, REPLAY, NOT_AUTHORISED, MEMORY_EXHAUSTION)  # noqa: RUF005 - MicroPython


def wanted_by(sink: str, event: str) -> bool:
    """True when a receiver of the log gets an event: the owner gets all of them."""
    return sink != "ocpp" or event not in _HOME
