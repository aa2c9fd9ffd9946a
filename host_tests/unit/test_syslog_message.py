"""An entry of the security log as a syslog message (RFC 5424) with its octet count (RFC 5425)."""

from check import equal, true

from charger.audit import events
from charger.audit.security_log import Entry
from charger.syslog_client import message

UTC_S = 1796083200  # 2026-12-01T00:00:00Z


def entry(event=events.TAMPER, info="enclosure opened", utc_s=UTC_S, seq=17):
    return Entry(seq, event, info, 3, 120, utc_s, 45, b"")


def test_the_whole_message():
    """PRI of facility 13 (log audit), version, time, host, application, start-up, event, structured data, text."""
    body = (b'<105>1 2026-12-01T00:00:00.045Z garage Pilotlight 3 TamperDetectionActivated '
            b'[entry@32473 seq="17" event="TamperDetectionActivated" boot="3" genuine="true"] '
            b'TamperDetectionActivated: enclosure opened')
    equal(message.encode(entry(), "garage"), b"%d " % len(body) + body)


def test_the_count_is_of_octets_and_text_beyond_ascii_has_the_mark_of_utf_8():
    data = message.encode(entry(info="Tür é"), "garage")
    count, _, body = data.partition(b" ")
    equal(int(count), len(body))
    true(body.endswith(b"] \xef\xbb\xbfTamperDetectionActivated: T\xc3\xbcr \xc3\xa9"), body)
    true(b"\xef\xbb\xbf" not in message.encode(entry(), "garage"))
    true(message.encode(entry(info=""), "g").endswith(b"] TamperDetectionActivated"))


def test_values_of_structured_data_are_escaped_and_fields_of_the_header_are_printable():
    """RFC 5424, 6.3.3 and 6: an altered entry may have any event."""
    body = message.encode(entry('a"b]c\\d e\n', info="x\ny\x01"), "my host\u00e9")
    true(b'event="a\\"b\\]c\\\\d e\n"' in body, body)
    true(b" my?host? Pilotlight 3 a\"b]c\\d?e? [entry" in body, body)
    true(body.endswith(b"] a\"b]c\\d e?: x?y?"), body)
    true(b" - Pilotlight 3 - [" in message.encode(entry(""), ""))
    true(b" " + b"h" * 255 + b" Pilotlight" in message.encode(entry(), "h" * 300))


def test_times_that_are_unknown_and_times_that_are_not_exact():
    true(b">1 - garage" in message.encode(entry(utc_s=None), "garage"))
    true(b"timeQuality" not in message.encode(entry(), "garage"))
    dated = entry(utc_s=None)
    dated.utc_s = UTC_S
    data = message.encode(dated, "garage")
    true(b" 2026-12-01T00:00:00.045Z " in data and b'][timeQuality tzKnown="1" isSynced="0"] Tamper' in data, data)


def test_an_altered_entry_says_so():
    altered = entry()
    altered.genuine = False
    true(b'genuine="false"]' in message.encode(altered, "h"))


def test_severities():
    """Alert for what someone has to look at, warning for what was refused, information for what was accepted."""
    for event, wanted in ((events.FIRMWARE_INTEGRITY, 1), (events.TAMPER, 1), (events.PIN_REFUSED, 4), (events.NOT_AUTHORISED, 4),
                          (events.STARTUP, 5), ("Unknown", 5), (events.PIN_ACCEPTED, 6)):
        equal(message.severity(event), wanted, event)


def test_the_names_of_events_stay_apart_in_32_characters():
    names = [getattr(events, name) for name in dir(events) if name.isupper() and isinstance(getattr(events, name), str)]
    true(len(names) > 30)
    fields = [str(message.encode(entry(name), "h"), "utf-8").split(" ")[6] for name in names]
    true(max([len(field) for field in fields]) <= 32)
    equal(len(set(fields)), len(names))


def test_the_longest_entry_fits_what_every_receiver_takes():
    """RFC 5425, 4.3.1: 2048 octets."""
    true(len(message.encode(entry("]" * 112, "", seq=1 << 29), "h" * 255)) < 2048)
