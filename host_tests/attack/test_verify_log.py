"""tools/verify_log.py notices what somebody did to an uploaded security log (F-S9)."""

import hashlib
import json
import struct

import pytest
import verify_log

KEY = bytes(range(32))
EVENTS = ["StartupOfTheDevice", "SettingSystemTime", "PinRefused", "TamperDetectionActivated", "PinAccepted"]


def rows(key=KEY, changed=()):
    """The lines' objects of a right log; `changed` are (number, info)."""
    before = bytes(8)
    found = []
    for number, event in enumerate(EVENTS):
        info = dict(changed).get(number, f"no. {number}")
        body = before + struct.pack("<IIIHB", 3, 10 + number, 1800000000 + number, 5, len(event)) + event.encode() + info.encode()
        before = hashlib.sha256(key + struct.pack("<I", number) + body).digest()[:8]
        found.append({"seq": number, "time": "2027-01-15T08:00:00.005Z", "exact": True, "boot": 3, "uptime_s": 10 + number,
                      "event": event, "info": info, "genuine": True, "raw": (body + before).hex()})  # fmt: skip
    return found


def write(path, entries, **changes):
    """An upload with a right last line, but for the changes."""
    text = b"".join(json.dumps(row).encode() + b"\n" for row in entries)
    end = {"first": 0, "next": len(EVENTS), "since": None, "until": None, "broken": None,
           "sha256": hashlib.sha256(text).hexdigest(), **changes}  # fmt: skip
    path.write_bytes(text + json.dumps({"end": end}).encode() + b"\n")
    return str(path)


def test_f_s9_a_right_upload_has_nothing_wrong(tmp_path):
    upload = write(tmp_path / "log", rows())
    assert verify_log.main([upload]) == 0
    assert verify_log.main([upload, upload, "--key", KEY.hex()]) == 0


def test_f_s9_a_log_of_before_the_key_is_right_up_to_the_first_keyed_entry(tmp_path):
    assert verify_log.main([write(tmp_path / "log", rows(b"")), "--key", KEY.hex()]) == 0


def edited(field, value):
    entries = rows()
    entries[2][field] = value
    return entries


@pytest.mark.parametrize("entries", [
    edited("info", "nothing happened"), edited("event", "PinAccepted"), edited("uptime_s", 1), edited("genuine", False),
    edited("raw", rows()[2]["raw"][:-2] + "00"), edited("raw", "00" * 20), rows()[1:], rows()[:-1], rows()[:2] + rows()[3:],
    [rows()[1], rows()[0], *rows()[2:]], [*rows(), rows()[-1]], [],
])  # fmt: skip
def test_f_s9_whatever_was_altered_taken_out_or_exchanged_is_detected(tmp_path, entries):
    assert verify_log.main([write(tmp_path / "log", entries)]) == 1


def test_f_s9_what_the_unit_found_and_a_wrong_hash_are_reported(tmp_path):
    assert verify_log.main([write(tmp_path / "one", rows(), broken=3)]) == 1
    assert verify_log.main([write(tmp_path / "two", rows(), sha256="00" * 32)]) == 1


def test_f_s9_a_log_that_was_made_anew_differs_from_the_earlier_upload_and_fails_with_the_key(tmp_path):
    earlier = write(tmp_path / "earlier", rows())
    forged = write(tmp_path / "forged", rows(b"guess", [(2, "nothing")]))
    assert verify_log.main([forged]) == 0  # without either nobody can know
    assert verify_log.main([forged, earlier]) == 1
    assert verify_log.main([forged, "--key", KEY.hex()]) == 1


def test_f_s9_a_span_may_leave_entries_out_and_a_whole_log_may_not(tmp_path):
    some = rows()[1:2] + rows()[3:]
    assert verify_log.main([write(tmp_path / "one", some, since=1800000001, until=None)]) == 0
    assert verify_log.main([write(tmp_path / "two", some)]) == 1


NO_UPLOADS = [b"", b"{}", b"not a log\n", b'{"end": 5}\n', b'{"seq": 1}\n{"end": {}}\n', b"\xff\xfe\n", b"[]\n"]


@pytest.mark.parametrize("text", NO_UPLOADS)
def test_f_s9_what_is_no_upload_is_exit_code_2(tmp_path, text):
    path = tmp_path / "log"
    path.write_bytes(text)
    assert verify_log.main([str(path)]) == 2
    assert verify_log.main([str(tmp_path / "absent")]) == 2
