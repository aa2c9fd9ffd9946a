"""The names of security events: those of the OCPP security whitepaper, and the project's own (WP-42, 43).

Modules without access to the security log get a callable on_event(event, info) and use these names with it.
"""

from micropython import const

# of the whitepaper
FIRMWARE_UPDATED = const("FirmwareUpdated")
FAILED_TO_AUTHENTICATE = const("FailedToAuthenticateAtCentralSystem")
BACK_END_FAILED_TO_AUTHENTICATE = const("CentralSystemFailedToAuthenticate")
TIME_SET = const("SettingSystemTime")
STARTUP = const("StartupOfTheDevice")
RESET = const("ResetOrReboot")
LOG_CLEARED = const("SecurityLogWasCleared")
RECONFIGURED = const("ReconfigurationOfSecurityParameters")
MEMORY_EXHAUSTION = const("MemoryExhaustion")
INVALID_MESSAGES = const("InvalidMessages")
REPLAY = const("AttemptedReplayAttacks")
TAMPER = const("TamperDetectionActivated")
INVALID_FIRMWARE_SIGNATURE = const("InvalidFirmwareSignature")
INVALID_SIGNING_CERTIFICATE = const("InvalidFirmwareSigningCertificate")
INVALID_BACK_END_CERTIFICATE = const("InvalidCentralSystemCertificate")
INVALID_OWN_CERTIFICATE = const("InvalidChargePointCertificate")
INVALID_TLS_VERSION = const("InvalidTLSVersion")
INVALID_TLS_SUITE = const("InvalidTLSCipherSuite")

# the project's own
PIN_ACCEPTED = const("PinAccepted")
PIN_REFUSED = const("PinRefused")
PIN_CHANGED = const("PinChanged")
PIN_LOCKOUT = const("PinLockout")
TOKEN_REFUSED = const("TokenRefused")
AUTHORISED = const("AuthorisationAccepted")
NOT_AUTHORISED = const("AuthorisationRefused")
UPDATE_FAILED = const("UpdateFailed")
UPDATE_CHECKED = const("UpdateChecked")
UPDATE_CHECK_FAILED = const("UpdateCheckFailed")
FIRMWARE_INTEGRITY = const("FirmwareIntegrityFailed")
CERTIFICATE_INSTALLED = const("CertificateInstalled")
CERTIFICATE_REFUSED = const("CertificateRefused")
CERTIFICATE_DELETED = const("CertificateDeleted")
PERSONAL_DATA_ERASED = const("PersonalDataErased")
FACTORY_RESET = const("FactoryReset")
VAULT_BROKEN = const("VaultBroken")
SAFETY_VALUE = const("SafetyValueDamaged")
COPROCESSOR = const("CoprocessorReport")
TAMPER_CLEARED = const("TamperAcknowledged")
FLASH_FAILED = const("FileSystemFailed")
LOG_ALTERED = const("SecurityLogAltered")
LOG_FULL = const("SecurityLogFull")
LOG_FAILED = const("SecurityLogWriteFailed")
SUPPRESSED = const("EventsSuppressed")
HOURS_CHOSEN = const("ChargingHoursChosen")
CHARGING_OVERRIDE = const("ChargingOverride")
DELAY_BYPASSED = const("RandomDelayBypassed")

SINKS = ("ocpp", "mqtt")  # receivers of the log, each with its own mark; SecurityLog.add_sink() adds one

# Not sent to the back end: it knows these, or they concern only the owner. All others are sent (WP-44).
_HOME = (
    AUTHORISED, NOT_AUTHORISED, PIN_ACCEPTED, PIN_REFUSED, PIN_CHANGED, TOKEN_REFUSED, SUPPRESSED, HOURS_CHOSEN,
    CHARGING_OVERRIDE,
)  # fmt: skip

# Events of each failed attempt to connect: a repetition with the same text within an hour is only counted.
LINK = (
    FAILED_TO_AUTHENTICATE, BACK_END_FAILED_TO_AUTHENTICATE, INVALID_BACK_END_CERTIFICATE, INVALID_OWN_CERTIFICATE,
    INVALID_TLS_VERSION, INVALID_TLS_SUITE,
)  # fmt: skip

# Events that an outsider can cause at any rate: a few are logged, then a count at intervals. Wrong PINs are not among
# them: access/pin_throttle.py limits them, so each is logged.
NOISY = (
    FAILED_TO_AUTHENTICATE, BACK_END_FAILED_TO_AUTHENTICATE, INVALID_BACK_END_CERTIFICATE, INVALID_OWN_CERTIFICATE,
    INVALID_TLS_VERSION, INVALID_TLS_SUITE, INVALID_MESSAGES, REPLAY, NOT_AUTHORISED, MEMORY_EXHAUSTION, DELAY_BYPASSED,
    TOKEN_REFUSED,
)  # fmt: skip


def wanted_by(sink: str, event: str) -> bool:
    """True when a receiver of the log gets an event: the owner gets all of them."""
    return sink != "ocpp" or event not in _HOME
