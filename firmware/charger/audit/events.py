"""The names of security events: those of the OCPP security whitepaper where one fits, our own elsewhere (WP-42, 43).

A leaf: whoever must not know the log itself gets a callable on_event(event, info) and uses these names with it.
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

# our own
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
LOG_FULL = "SecurityLogFull"
LOG_FAILED = "SecurityLogWriteFailed"
SUPPRESSED = "EventsSuppressed"
HOURS_CHOSEN = "ChargingHoursChosen"
CHARGING_OVERRIDE = "ChargingOverride"
DELAY_BYPASSED = "RandomDelayBypassed"

# WP-43, and of our own what somebody has to act on
CRITICAL = (
    FIRMWARE_UPDATED, TIME_SET, STARTUP, RESET, LOG_CLEARED, MEMORY_EXHAUSTION, TAMPER, FIRMWARE_INTEGRITY,
    VAULT_BROKEN, SAFETY_VALUE,
)  # fmt: skip

SINKS = ("ocpp", "mqtt")  # who is told, each with a mark of its own in the log

# What the back end is not told: it knows, or it is between the owner and the unit. All else is sent (WP-44).
_HOME = (AUTHORISED, NOT_AUTHORISED, PIN_ACCEPTED, PIN_REFUSED, PIN_CHANGED, SUPPRESSED, HOURS_CHOSEN, CHARGING_OVERRIDE)

# What a link that cannot be made brings with every attempt: the same words again within an hour are only counted.
LINK = (
    FAILED_TO_AUTHENTICATE, BACK_END_FAILED_TO_AUTHENTICATE, INVALID_BACK_END_CERTIFICATE, INVALID_OWN_CERTIFICATE,
    INVALID_TLS_VERSION, INVALID_TLS_SUITE,
)  # fmt: skip

# What an outsider can cause as often as he likes: a few in a row, then a count once in a while. Wrong PINs are not among
# them: access/pin_throttle.py bounds them, so each is in the log.
NOISY = LINK + (INVALID_MESSAGES, REPLAY, NOT_AUTHORISED, MEMORY_EXHAUSTION, DELAY_BYPASSED)  # noqa: RUF005 - MicroPython


def wanted_by(sink: str, event: str) -> bool:
    """Whether a sink of the log gets an event: the owner gets all, the back end not quite."""
    return sink != "ocpp" or event not in _HOME
