"""The one exception of the public-key and certificate code, and the kinds of refusal it tells apart."""

MALFORMED = "malformed"  # not DER, not PEM, not a certificate
UNSUPPORTED = "unsupported"  # well-formed, but asks for something this unit does not implement
WEAK = "weak"  # key or hash below 112 bits of strength (WP-9)
SIGNATURE = "bad signature"
UNTRUSTED = "untrusted"  # no path to an installed root
EXPIRED = "expired"
NOT_YET_VALID = "not yet valid"
NO_TIME = "time unknown"
USAGE = "wrong usage"  # CA flag, path length, key usage, extended key usage
NAME = "wrong name"


class CryptoError(Exception):
    """A certificate, key or encoding was refused: `kind` is one of the constants above, `why` says it in words."""

    def __init__(self, kind: str, why: str):
        super().__init__(kind + ": " + why)
        self.kind = kind
        self.why = why
