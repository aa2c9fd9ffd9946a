"""An entry of the security log as a message of RFC 5424, with the octet count of RFC 5425 before it."""

from micropython import const

from charger.audit import events

_FACILITY = const(13)  # log audit
_ALERT, _WARNING, _NOTICE, _INFORMATIONAL = const(1), const(4), const(5), const(6)  # RFC 5424, table 2
_APP = "Pilotlight"
# RFC 5612 reserves this number for documents: a manufacturer replaces it by the number that IANA has assigned to it.
_ENTERPRISE = const(32473)
_LONGEST_ID = const(32)  # of MSGID
_LONGEST_HOST = const(255)
_BOM = b"\xef\xbb\xbf"

_ALERTS = (
    events.TAMPER, events.FIRMWARE_INTEGRITY, events.VAULT_BROKEN, events.LOG_ALTERED, events.LOG_CLEARED, events.SAFETY_VALUE,
    events.FLASH_FAILED,
)  # fmt: skip
_WARNINGS = (  # with NOISY
    events.PIN_REFUSED, events.PIN_LOCKOUT, events.INVALID_FIRMWARE_SIGNATURE, events.INVALID_SIGNING_CERTIFICATE,
    events.CERTIFICATE_REFUSED, events.UPDATE_FAILED, events.UPDATE_CHECK_FAILED, events.COPROCESSOR, events.SUPPRESSED,
    events.LOG_FULL, events.LOG_FAILED,
)  # fmt: skip
_ROUTINE = (events.AUTHORISED, events.PIN_ACCEPTED, events.UPDATE_CHECKED)


def severity(event: str) -> int:
    """Return the severity, 1 (alert), 4, 5 or 6 (informational), of an event of audit/events.py; 5 for an unknown one."""
    if event in _ALERTS:
        return _ALERT
    if event in _WARNINGS or event in events.NOISY:
        return _WARNING
    return _INFORMATIONAL if event in _ROUTINE else _NOTICE


def encode(entry: Any, host: str) -> bytes:
    """Encode an Entry of the security log, with its octet count. `host` is the unit's name in the network.

    The structured data have the entry's number, event, start-up and whether its hash is right. TIMESTAMP is UTC, "-" while
    unknown; of a time that was computed from later entries timeQuality says that it is not exact.
    """
    data = '[entry@%d seq="%d" event="%s" boot="%d" genuine="%s"]' % (
        _ENTERPRISE, entry.seq, _value(entry.event), entry.boot_id, "true" if entry.genuine else "false")
    if not entry.exact:
        data += '[timeQuality tzKnown="1" isSynced="0"]'
    head = "<%d>1 %s %s %s %d %s %s " % (
        _FACILITY * 8 + severity(entry.event), entry.time() or "-", _name(host, _LONGEST_HOST), _APP, entry.boot_id,
        _name(entry.event, _LONGEST_ID), data)
    text = (entry.event + (": " + entry.info if entry.info else "")).encode()
    body = head.encode() + (b"" if max(text or b" ") < 0x80 else _BOM) + _plain(text)
    return b"%d " % len(body) + body


def _value(text: str) -> str:
    """Escape a value of structured data (RFC 5424, 6.3.3)."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _name(text: str, most: int) -> str:
    """A field of the header: printable ASCII without spaces, "-" when empty."""
    return "".join([ch if "!" <= ch <= "~" else "?" for ch in text[:most]]) or "-"


def _plain(data: bytes) -> bytes:
    """Replace control characters, which only an altered entry has."""
    if min(data or b" ") >= 0x20:
        return data
    return bytes([byte if byte >= 0x20 else 0x3F for byte in data])
