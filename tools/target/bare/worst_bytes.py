"""The worst bytes that a host in the network can send to each module that reads some; the longest file of each JSON reader.

house/test_handlers.py holds that no module that reads from the network, and none that reads a JSON file, is missing.
"""

import json

_NOW = 1790000000


def _labels(count):
    """A name of so many labels of one letter."""
    return b"\x01a" * count + b"\x00"


def dns_query():
    """512 bytes, the longest name of the shortest labels."""
    return b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x01a" * 247 + b"\x00\x00\x01\x00\x01"


def dns_question(records=0):
    """The query of a resolver, or the head of its answer with so many records."""
    return b"\x00\x01\x81\x80\x00\x01\x00" + bytes((records,)) + b"\x00\x00\x00\x00" + _labels(23) + b"\x00\x01\x00\x01"


def dns_answer():
    """Records of other names: each is the question's name behind a label, so that none counts and each has to be read."""
    head = dns_question(32)
    return head + (b"\x01b\xc0\x0c" + b"\x00\x05\x00\x01" + bytes(4) + b"\x00\x00") * 32


def http_head():
    """As many header fields as an answer may have, all of one name."""
    return b"HTTP/1.1 200 OK\r\n" + b"a:\r\n" * 2700 + b"Content-Length: 0\r\n\r\n"


def http_chunks():
    """A body in chunks of one byte."""
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n"


def releases():
    """A notice of new versions, as long as it may be, of which each one is newer than the one before."""
    each = [{"board": "TARGET", "version": "1.0.%d" % n, "counter": 0, "min_hardware": 1, "size": 1, "url": "https://h/a"}
            for n in range(75)]  # fmt: skip
    return json.dumps({"format": 1, "releases": each}).encode()


def long_number():
    """A notice with a number whose digits would take the square of their count to convert."""
    return b'{"format":1,"releases":[],"n":' + b"9" * 8000 + b"}"


def upgrade():
    """An answer to the upgrade with as many fields as fit."""
    return b"HTTP/1.1 101 x\r\n" + b"a:\r\n" * 1000 + b"\r\n"


def improv(command, *words):
    """A packet of the serial line in the set-up (net/improv.py): a command with its words."""
    data = b"".join([bytes((len(word),)) + word for word in words])
    data = bytes((command, len(data))) + data
    whole = b"IMPROV\x01\x03" + bytes((len(data),)) + data
    return whole + bytes((sum(whole) & 0xFF,)) + b"\n"


def record():
    """The factory's record, each text as long as it may be."""
    verifier = {"iterations": 10000000, "salt": "0" * 32, "hash": "0" * 64}
    return json.dumps({
        "format": 1, "serial": "S" * 25, "device_key": "0" * 64, "pins": {"owner": verifier, "installer": verifier},
        "ocpp_password": "x" * 20, "setup_ssid": "x" * 32, "setup_password": "x" * 63, "web_key": "30" * 500,
        "web_certificate": "30" * 2000,
    }).encode()  # fmt: skip


# module -> {what comes: a function that makes the bytes}
NETWORK = {
    "net/captive_portal.py": {
        "query": dns_query,
        "request": lambda: b"GET " + b" " * 2030 + b" HTTP/1.1\r\n\r\n",
    },
    "net/dns.py": {"answer": dns_answer},
    "net/sntp.py": {"answer": lambda: b"\x24\x01" + bytes(22) + b"s" * 8 + bytes(8) + b"\x00\x00\x00\x01" * 2 + bytes(40)},
    "net/http_response.py": {"head": http_head, "chunks": http_chunks},
    "net/websocket_handshake.py": {"answer": upgrade},
    "net/mqtt_session.py": {
        "pings": lambda: b"\xd0\x00" * 2000,
        "long": lambda: b"\x30\x80\x80\x04\x00\x01t" + b"x" * 65533,
        "messages": lambda: b"\x30\x0a\x00\x01t1234567" * 400,
    },
    "net/modbus.py": {"answer": lambda: b"\x00\x01\x00\x00\x00\xfd\x01\x03\xfa" + b"\xff" * 250},
    # 25 characters of serial number, seven other units, none of them this one
    "net/group_link.py": {"message": lambda: b"PG1" + b"s" * 8 + bytes(3) + b"\x01\x01\x40\x08" + bytes(14) + b"\x19"
                          + b"n" * 25 + b"\x01" * 98 + b"c" * 16},
    "net/improv.py": {
        "wifi": lambda: b"IMPROV" * 50 + improv(1, b"n" * 32, b"\xc3\xa9" * 31 + b"x"),
        "networks": lambda: improv(4),
        "damaged": lambda: b"IMPROV\x01\x03\xff" + b"x" * 300,
    },
    "update/release_check.py": {"releases": releases, "number": long_number},
    "credentials/provisioning.py": {"record": record},
}
# Those that read from the network and are measured with their messages, or that take one byte, or are a laboratory's alone.
ELSEWHERE = {
    "net/websocket.py": "worst_inputs.FRAMES and OCPP", "local_api/http_server.py": "worst_inputs.API",
    "local_api/server.py": "worst_inputs.API",
    "local_api/admission.py": "a byte", "net/tls.py": "a byte", "net/tls_diagnosis.py": "an answer of 16 bytes",
    "net/ftp.py": "a laboratory", "syslog_client/sender.py": "handler_slices.syslog",
}  # fmt: skip

_PERIODS = [{"startPeriod": 600 * n, "limit": 6.5 + n % 24, "numberPhases": 1} for n in range(24)]


def _profiles():
    """As smart_charging._pieces() writes them: a line each."""
    rows = [[1, {"chargingProfileId": n, "stackLevel": n, "chargingProfilePurpose": "TxDefaultProfile",
                 "chargingProfileKind": "Recurring", "recurrencyKind": "Daily",
                 "chargingSchedule": {"chargingRateUnit": "W", "startSchedule": "2026-09-21T00:00:00Z", "duration": 86400,
                                      "chargingSchedulePeriod": _PERIODS}}] for n in range(10)]  # fmt: skip
    return ("[\n" + ",\n".join([json.dumps(row) for row in rows]) + "\n]").encode()


# module that reads it -> (file, a function that makes its content); what it makes is JSON unless it is bytes
FILES = {
    "access/home_cards.py": ("home_cards.json", lambda: {"tag%017d" % n: ["\u00e9" * 24, False] for n in range(20)}),
    "config/configuration.py": ("ocpp_config.json", lambda: {"Key%03d" % n: "x" * 200 for n in range(60)}),
    "credentials/certificate_store.py": ("roots_gone.json", lambda: ["0" * 64 for _ in range(20)]),
    "grid/charging_hours.py": ("charging_hours.json", lambda: {
        "choice": "change", "windows": ";".join(["%d 00:00-00:30" % (1 + n % 7) for n in range(28)])}),
    "grid/departure.py": ("departures.json", lambda: {str(n): [450, 20000, _NOW] for n in range(32)}),
    "grid/tariff.py": ("tariff.json", lambda: [[_NOW + 100000 * n, 900, list(range(100))] for n in range(4)]),
    "maintenance/erase.py": ("ocpp_config.json", lambda: {"Key%03d" % n: "x" * 200 for n in range(60)}),
    "metering/energy_register.py": ("meter1.json", lambda: [
        {"meter": "x" * 64, "offset_wh": n, "boot": n, "utc": _NOW} for n in range(8)]),
    "metering/history.py": ("months.json", lambda: {
        "upto": 0, "months": {str(24300 + n): [n * 1000000] * 4 for n in range(24)}, "utc": _NOW}),
    "ocpp/transport/credential_trial.py": ("ocpp_trial.json", lambda: {"profile": 1, "key": "vault", "certificate": True}),
    "ocpp/v16/services/availability.py": ("ocpp_out_of_service.json", lambda: list(range(100))),
    "ocpp/v16/services/firmware_update.py": ("ocpp_firmware.json", lambda: {
        "location": "x" * 1024, "retrieve_s": _NOW, "retries": 3, "interval_s": 60, "begun": 0}),
    "ocpp/v16/services/reservations.py": ("ocpp_reservations.json", lambda: [
        [n, n, "TAG%017d" % n, "P" * 20, _NOW + 3600 + n] for n in range(5)]),  # one for each connector of four, and for any
    "ocpp/v16/services/signed_firmware_update.py": ("ocpp_signed_firmware.json", lambda: {
        "id": 1, "status": "Downloading", "location": "x" * 512, "certificate": "x" * 5500, "signature": "x" * 800,
        "retrieve_s": None, "install_s": None, "retries": 0, "interval_s": 0}),
    "ocpp/v16/services/smart_charging.py": ("ocpp_profiles.json", _profiles),
    "ocpp/v16/services/upload_attempts.py": ("ocpp_log.json", lambda: {
        "location": "x" * 1024, "name": "n" * 99, "retries": 3, "interval_s": 60, "span": [_NOW - 86400, _NOW],
        "kind": "DiagnosticsLog", "id": 1}),
    "update/download.py": ("update.json", lambda: {
        "location": "0" * 64, "head": "A" * 1480, "done": 65536, "etag": '"x"', "slot": "a"}),
    "update/updater.py": ("update_offer.json", lambda: {"version": "9.0.0-" + "x" * 40, "url": "https://h/" + "x" * 480}),
    "wiring.py": ("calibration.json", lambda: {"version": 1, "meters": {str(n): {
        "kind": "SDM630", "v": [1000] * 3, "i": [1000] * 3, "p": [1000] * 3, "e": [1000] * 3} for n in range(2)}}),
}  # fmt: skip
