"""Which security event a failed connection is (WP-5 to WP-7, WP-43). Used when one has failed, so imported only then."""

from charger.audit import events

_EVENTS = {
    "untrusted": events.INVALID_BACK_END_CERTIFICATE,
    "expired": events.INVALID_BACK_END_CERTIFICATE,
    "name": events.INVALID_BACK_END_CERTIFICATE,
    "certificate": events.INVALID_BACK_END_CERTIFICATE,
    "proof": events.BACK_END_FAILED_TO_AUTHENTICATE,
    "version": events.INVALID_TLS_VERSION,
    "suite": events.INVALID_TLS_SUITE,
    "own-cert": events.FAILED_TO_AUTHENTICATE,
    "auth": events.FAILED_TO_AUTHENTICATE,
    "memory": events.MEMORY_EXHAUSTION,
}


def event_of(cause: str) -> str | None:
    """The event for a cause of Connection's on_fault; None for what is no matter of security: no network, no time."""
    return _EVENTS.get(cause)
