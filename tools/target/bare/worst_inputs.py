"""The worst input that each handler has to accept or to refuse: by OCPP action, path of the local API, and MQTT command.

handler_slices.py measures them, and names a handler of the firmware that has no row here. What comes over the network beside
these, and the unit's own files, are in worst_bytes.py.
"""

import json  # noqa: F401 - its dumps() is the tests'

MESSAGE = 24576  # bytes; the longest message of a back end (net/websocket.py)
_UTC = "2026-09-21T15:00:00Z"
_LOCATION = "ftp://192.0.2.1/" + "x" * 400


def _periods(count):
    return [{"startPeriod": 600 * n, "limit": 6.5 + n % 24, "numberPhases": 1 + n % 3} for n in range(count)]


def profile(count, number=1, purpose="TxDefaultProfile", kind="Recurring", recurrency="Daily", unit="W"):
    """A profile with `count` periods and every field."""
    return {
        "chargingProfileId": number, "stackLevel": number, "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind, "recurrencyKind": recurrency, "validFrom": _UTC, "validTo": "2030-09-21T15:00:00.123Z",
        "chargingSchedule": {"chargingRateUnit": unit, "startSchedule": "2026-09-21T00:00:00Z", "duration": 86400,
                             "minChargingRate": 6.5, "chargingSchedulePeriod": _periods(count)},
    }  # fmt: skip


def tags(count):
    """`count` entries of a local list with every field."""
    info = {"status": "Accepted", "parentIdTag": "PARENT-OF-THE-FLEET", "expiryDate": "2030-01-01T00:00:00.000Z"}
    return [{"idTag": "TAG%05d-AND-SO-ON-%d" % (n, n % 10), "idTagInfo": info} for n in range(count)]


def pem(size):
    """Text in the form of a certificate, with invalid content."""
    line = "A" * 64 + "\n"
    body = line * ((size - 60) // 65)
    return "-----BEGIN CERTIFICATE-----\n" + body + "-----END CERTIFICATE-----\n"


def _hash(algorithm):
    return {"certificateHashData": {"hashAlgorithm": algorithm, "issuerNameHash": "0" * 128, "issuerKeyHash": "0" * 128,
                                    "serialNumber": "0" * 40}}  # fmt: skip


_MESSAGES = ("BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat", "MeterValues",
             "StatusNotification")
_EXTENDED = ("BootNotification", "LogStatusNotification", "FirmwareStatusNotification", "Heartbeat", "MeterValues",
             "SignChargePointCertificate", "StatusNotification")


def _file():
    return {"location": _LOCATION, "retrieveDateTime": _UTC, "installDateTime": _UTC, "signingCertificate": pem(5000),
               "signature": "A" * 700}  # fmt: skip


_LOG = {"remoteLocation": _LOCATION, "oldestTimestamp": "2020-01-01T00:00:00Z", "latestTimestamp": "2030-01-01T00:00:00Z"}
# action -> payloads, or functions that make them; a text is the JSON of a payload as received.
OCPP = {
    "CancelReservation": ({"reservationId": 1},),
    "CertificateSigned": (lambda: {"certificateChain": pem(10000)}, lambda: {"certificateChain": "\u00e9" * 5000}),
    "ChangeAvailability": ({"connectorId": 0, "type": "Inoperative"}, {"connectorId": 0, "type": "Operative"}),
    "ChangeConfiguration": (
        {"key": "MeterValuesSampledData", "value": ",".join(["Energy.Active.Import.Register"] * 16)},
        {"key": "ConnectorPhaseRotation", "value": ",".join(["1.RST"] * 80)},
        {"key": "FreeVendIdTag", "value": "\u00e9" * 500},
    ),
    "ClearCache": ({},),
    "ClearChargingProfile": ({},),
    "DataTransfer": (
        lambda: {"vendorId": "v" * 255, "messageId": "m" * 50, "data": "x" * 16384},
        lambda: '{"vendorId":"v","data":"' + "\\n" * 11000 + '"}',
        lambda: '{"vendorId":"v","data":"\\ud83d\\ude00' + "\\u00e9" * 3900 + '"}',
        lambda: '{"vendorId":"v","data":"' + "\\\\" * 11000 + '"}',
        lambda: '{"vendorId":"v",' + " " * 20000 + '"data":""}',
        lambda: '{"vendorId":"v","data":"","n":' + "1" * 20000 + "}",
        lambda: '{"vendorId":"v","data":"","n":[' + "0," * 10000 + "0]}",
        lambda: '{"vendorId":"v","data":"","n":[' + '{"a":{}},' * 2000 + '{}],"o":[' + "1," * 1000 + "1]}",
    ),
    "DeleteCertificate": tuple([_hash(algorithm) for algorithm in ("SHA256", "SHA384", "SHA512")]),
    "ExtendedTriggerMessage": tuple([{"requestedMessage": name} for name in _EXTENDED]),
    "GetCompositeSchedule": ({"connectorId": 0, "duration": 9223372036854775807, "chargingRateUnit": "W"},
                             {"connectorId": 0, "duration": 9223372036854775807, "chargingRateUnit": "A"}),
    "GetConfiguration": ({}, lambda: {"key": ["UnknownKey%040d" % n for n in range(100)]}, lambda: {"key": ["k" * 50] * 400}),
    "GetDiagnostics": ({"location": _LOCATION, "retries": 0, "startTime": "2020-01-01T00:00:00Z", "stopTime": _UTC},),
    "GetInstalledCertificateIds": ({"certificateType": "CentralSystemRootCertificate"},
                                   {"certificateType": "ManufacturerRootCertificate"}),
    "GetLocalListVersion": ({},),
    "GetLog": ({"logType": "DiagnosticsLog", "requestId": 1, "log": _LOG},
               {"logType": "SecurityLog", "requestId": 2, "log": _LOG}),
    "InstallCertificate": (lambda: {"certificateType": "CentralSystemRootCertificate", "certificate": pem(5500)},
                           lambda: {"certificateType": "ManufacturerRootCertificate", "certificate": pem(5500)}),
    "RemoteStartTransaction": (
        lambda: {"connectorId": 2, "idTag": "TAG00002-AND-SO-ON-2", "chargingProfile": profile(24, 5, "TxProfile")},
        lambda: {"connectorId": 2, "idTag": "TAG00002-AND-SO-ON-2", "chargingProfile": profile(300, 5, "TxProfile")},
    ),
    "RemoteStopTransaction": ({"transactionId": 101},),
    "ReserveNow": ({"connectorId": 2, "expiryDate": _UTC, "idTag": "TAG00002-AND-SO-ON-2", "parentIdTag": "PARENT",
                    "reservationId": 2147483647},),
    "Reset": ({"type": "Soft"}, {"type": "Hard"}),
    "SendLocalList": (
        lambda: {"listVersion": 1, "updateType": "Full", "localAuthorizationList": tags(100)},
        lambda: {"listVersion": 2, "updateType": "Differential", "localAuthorizationList": tags(100)},
        lambda: {"listVersion": 3, "updateType": "Full", "localAuthorizationList": tags(155)},
    ),
    "SetChargingProfile": (
        lambda: {"connectorId": 0, "csChargingProfiles": profile(24)},
        lambda: {"connectorId": 0, "csChargingProfiles": profile(24, 2)},
        lambda: {"connectorId": 1, "csChargingProfiles": profile(24, 3)},
        lambda: {"connectorId": 0, "csChargingProfiles": profile(24, 4, "ChargePointMaxProfile", "Absolute", "Daily", "A")},
        lambda: {"connectorId": 1, "csChargingProfiles": profile(24, 6, "TxDefaultProfile", "Relative", "Weekly")},
        lambda: {"connectorId": 1, "csChargingProfiles": profile(300)},
    ),
    "SignedUpdateFirmware": (lambda: {"requestId": 1, "firmware": _file()},),
    "TriggerMessage": tuple([{"requestedMessage": name} for name in _MESSAGES]),
    "UnlockConnector": ({"connectorId": 2},),
    "UpdateFirmware": ({"location": _LOCATION, "retrieveDate": _UTC},),
}  # fmt: skip
# Messages other than a CALL of a known action: functions that make their text.
FRAMES = {
    "unknown action": lambda: '[2,"1","NoSuchAction",{"a":"' + "\\n" * 11000 + '"}]',
    "answer": lambda: '[3,"1",{"currentTime":"' + "\\u00e9" * 3900 + '"}]',
    "error": lambda: '[4,"1","InternalError","' + "\\n" * 11000 + '",{}]',
    "no JSON": lambda: "[" * 20000,
    "no end": lambda: '[2,"' + "\\" * 20000,
    "long id": lambda: '[2,"' + "\\u0041" * 3900 + '","ClearCache",{}]',
}

_WINDOWS = ";".join(["1-7 %02d:00-%02d:30" % (n, n) for n in range(20)])
_MOST = 2048  # bytes of a request's body
_FULL = "x" * 1700
# (method, path) -> bodies, or queries of a GET. Each is asked with all headers that a request may have.
API = {
    ("GET", "/api/status"): ("",),
    ("GET", "/api/settings"): ("",),
    ("PUT", "/api/settings"): ({"ConnectionTimeOut": 60, "FreeVendIdTag": "FREE", "TamperPolicy": "latch", "CpoName": "A",
                                "WifiName": "x" * 32, "WifiPassword": "x" * 63,
                                "MqttUrl": "mqtts://" + "x" * 190, "BackEndUrl": "wss://" + "x" * 190},
                               {"n%03d" % n: 1 for n in range(180)}, {"MqttRoots": pem(1800)},
                               '{"CpoName":"' + "\\n" * 1000 + '"}'),
    ("POST", "/api/pin"): ({"current": "12345678", "pin": "8264057193", "role": "user"},),
    ("POST", "/api/clock"): ({"utc": "2026-09-21T15:00:00.123456+01:00"},),
    ("GET", "/api/log"): ("", "count=20&before=40"),
    ("GET", "/api/history"): ("view=sessions", "view=months", "view=year", "count=20&before=30"),
    ("GET", "/api/hours"): ("",),
    ("PUT", "/api/hours"): ({"choice": "change", "windows": _WINDOWS}, {"choice": "accept"}, {"choice": "remove"}),
    ("GET", "/api/plan"): ("", "connector=2"),
    ("PUT", "/api/plan"): ({"connector": 2, "depart": "07:30", "kwh": 20.5},),
    ("GET", "/api/tariff"): ("",),
    ("PUT", "/api/tariff"): ({"start": _UTC, "minutes": 15, "prices": [n + 0.25 for n in range(100)]},),
    ("GET", "/api/house"): ("",),
    ("PUT", "/api/house"): ({"amps": [16.5, -3.25, 999.9], "power_w": 12345.5},),
    ("POST", "/api/charge"): ({"action": "now", "connector": 1}, {"action": "limit", "amps": 10.5}, {"action": "skip"},
                              {"action": "pause"}, {"action": "resume"}, {"action": "stop"}, {"action": "start"}),
    ("POST", "/api/acknowledge"): ({},),
    ("GET", "/api/update"): ("",),
    ("POST", "/api/update"): ({},),
    ("POST", "/api/confirm_update"): ({},),
    ("POST", "/api/erase"): ({},),
    ("POST", "/api/reset"): ({"kind": "console"}, {"kind": "restart"}, {"kind": "factory"}),
    ("POST", "/api/login"): ({"pin": "12345678", "role": "owner"}, {"pin": _FULL}, "[" * _MOST, " " * _MOST,
                             '{"pin":"' + "\\\\" * 1000 + '"}', '{"pin":"' + "\u00e9" * 1000 + '"}'),
    ("POST", "/api/logout"): ({},),
    ("GET", "/api/session"): ("",),
    ("GET", "/api/state"): ("",),
    ("GET", "/api/label"): ("",),
    ("GET", "/api/networks"): ("",),
    ("GET", "/api/cards"): ("",),
    ("POST", "/api/cards"): ({"action": "learn", "name": "\u00e9" * 24}, {"action": "change", "card": "0" * 20, "name": "x" * 24},
                             {"action": "remove", "card": "0" * 20}, {"action": "cancel"}),
    ("GET", "/api/tokens"): ("",),
    ("POST", "/api/tokens"): ({"action": "make", "name": "\u00e9" * 24, "home_assistant": True,
                               "rights": ["status", "charge", "history", "schedule", "update"]},
                              {"action": "remove", "name": "x" * 24}),
    ("GET", "/metrics"): ("",),
    ("GET", "/"): ("",),
}  # fmt: skip
# Commands by MQTT -> `with`; None for those without a session.
MQTT = {
    "hello": (None,), "login": (None,), "logout": (None,),
    "charge": ({"action": "now", "connector": 1},), "settings": ({},), "set": ({"n%03d" % n: 1 for n in range(70)},),
    "acknowledge": ({},), "update": ({},), "install": ({},), "confirm_update": ({},),
    "hours": ({},), "set_hours": ({"choice": "accept"},),
    "plan": ({"connector": 2},), "set_plan": ({"depart": "07:30", "kwh": 20.5},),
    "house": ({},), "set_house": ({"amps": [16.5, -3.25, 999.9], "power_w": 12345.5},),
    "set_tariff": ({"start": _UTC, "minutes": 15, "prices": [n + 0.25 for n in range(100)]},),
}  # fmt: skip

