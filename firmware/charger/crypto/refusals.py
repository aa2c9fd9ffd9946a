"""The kinds of CryptoError (charger/errors.py)."""

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
