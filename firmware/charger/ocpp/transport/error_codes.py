"""The CALLERROR codes of OCPP 1.6J, spelled as in the specification (OCPP-18)."""

NOT_IMPLEMENTED = "NotImplemented"  # the action is unknown
NOT_SUPPORTED = "NotSupported"  # known, but not supported
INTERNAL_ERROR = "InternalError"
PROTOCOL_ERROR = "ProtocolError"  # the payload is incomplete
FORMATION_VIOLATION = "FormationViolation"
PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"  # one r
TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
GENERIC_ERROR = "GenericError"

_OTHER_SPELLINGS = {
    "FormatViolation": FORMATION_VIOLATION,
    "OccurrenceConstraintViolation": OCCURENCE_CONSTRAINT_VIOLATION,
}


def canonical(code: Any) -> str:
    """Return a received error code in the specification's spelling; GenericError if it is not text (OCPP-18)."""
    if not isinstance(code, str) or not code:
        return GENERIC_ERROR
    return _OTHER_SPELLINGS.get(code, code)
