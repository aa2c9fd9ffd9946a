"""The CALLERROR codes of OCPP 1.6J, spelled as in the specification, and the exceptions that carry them (OCPP-18)."""

NOT_IMPLEMENTED = "NotImplemented"  # the action is unknown
NOT_SUPPORTED = "NotSupported"  # known, but not supported
INTERNAL_ERROR = "InternalError"
PROTOCOL_ERROR = "ProtocolError"  # the payload is incomplete
SECURITY_ERROR = "SecurityError"
FORMATION_VIOLATION = "FormationViolation"
PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"  # one r
TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
GENERIC_ERROR = "GenericError"

_OTHER_SPELLINGS = {
    "FormatViolation": FORMATION_VIOLATION,
    "OccurrenceConstraintViolation": OCCURENCE_CONSTRAINT_VIOLATION,
}


def canonical(code) -> str:
    """A received error code in the specification's spelling; GenericError for what is no text (OCPP-18)."""
    if not isinstance(code, str) or not code:
        return GENERIC_ERROR
    return _OTHER_SPELLINGS.get(code, code)


class OcppError(Exception):
    """Raised by a handler: the CALL is answered with a CALLERROR of this code and description."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    def __str__(self):
        return self.code + (": " + self.description if self.description else "")


class CallFailed(Exception):
    """A CALL of ours got no CALLRESULT: one of the three below."""


class CallError(CallFailed):
    """The back end answered with a CALLERROR (`code`, `description`), or with something that is no answer."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code, description)
        self.code = code
        self.description = description

    def __str__(self):
        return self.code + (": " + self.description if self.description else "")


class CallTimeout(CallFailed):
    """No answer in time; the connection lives, so it counts as an attempt (OCPP-17)."""


class Disconnected(CallFailed):
    """The connection was lost, or is not there; does not count as an attempt (OCPP-17)."""
