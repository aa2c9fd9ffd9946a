"""Security events for failed connections (WP-5 to WP-7, WP-43). Imported when a connection has failed."""

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
    """Return the event for a cause of Connection's on_fault; None for other failures: no network, no time."""
    return _EVENTS.get(cause)
