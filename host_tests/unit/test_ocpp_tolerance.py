"""Answers of back ends that are not quite by the schema: a plain meaning is taken, a dropped part is reported (SCH-7)."""

import json

from check import equal, near, true
from ocpp_rig import NOW, Rig, id_tag_info, swipe
from profiles import install, profile

from charger import clock, validate
from charger.audit import events
from charger.errors import InvalidValueError, OcppError
from charger.net import json_pieces, strict_json
from charger.ocpp.v16 import actions, answers

HEAP = 16 * 1024 * 1024


class Log:
    """The entries of the charge point in the security log."""

    next_seq = 0

    def __init__(self):
        self.noted = []

    def add(self, event, info=""):
        self.noted.append((event, info))

    def pending(self, sink):
        return []

    def dropped(self):
        return [info for event, info in self.noted if event == events.INVALID_MESSAGES]


def logged(rig):
    rig.cp.security_log = Log()
    return rig


async def known(rig, transaction_id):
    """Wait until the session has its transactionId."""
    await rig.until(lambda: rig.connectors[0].session.transaction_id == transaction_id)


def test_whole_numbers_in_every_form():
    for value, wanted in (
        (55, 55), (0, 0), (-7, -7), ("55", 55), (" 55 ", 55), ("-3", -3), ("5.0", 5), ("12.000", 12), (5.0, 5),
        (1 << 40, 1 << 40), ("2147483647", 2147483647), (5.5, None), ("5.5", None), ("5.", None), ("", None), ("-", None),
        ("1e3", None), ("0x10", None), ("1_0", None), ("+5", None), (True, None), (None, None), ([5], None), ("9" * 25, None),
        (1e30, None), (float("inf"), None), (float("nan"), None),
    ):  # fmt: skip
        equal(answers.whole(value), wanted, repr(value))


async def test_f_o13_an_unreadable_optional_field_does_not_undo_accepted():
    for expiry, readable in ((None, True), ("", True), ("2030-01-01 00:00:00", True), ("soon", False), (5, False)):
        for parent, fits in ((None, True), ("", True), ("P" * 21, False), (7, False)):
            rig = logged(await Rig().online())
            info = {"status": "Accepted", "expiryDate": expiry, "parentIdTag": parent}
            rig.link.answers["Authorize"] = {"idTagInfo": info}
            rig.link.answers["StartTransaction"] = {"transactionId": 7, "idTagInfo": info}
            await rig.charge()
            await known(rig, 7)
            await rig.seconds(2)
            equal(rig.connectors[0].status, "Charging")
            equal(rig.cp.security_log.dropped() == [], readable and fits, str(info))


async def test_f_o13_an_expiry_with_a_space_counts_and_a_missing_status_is_reported():
    rig = logged(await Rig().online())
    past = clock.iso(NOW - 5000)[:19].replace("T", " ")
    rig.link.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "expiryDate": past}}
    await rig.cp.authorisation.authorise("OLD")
    equal(rig.cp.id_tags.cache().find("OLD"), ("Expired", None))
    for answer in ({}, {"idTagInfo": None}, {"idTagInfo": {"parentIdTag": "FLEET"}}, {"idTagInfo": {"status": "accepted"}}):
        rig.cp.security_log.noted.clear()
        rig.link.answers["Authorize"] = answer
        equal((await rig.cp.authorisation.authorise("NEW"))[0], "Invalid")
        equal(len(rig.cp.security_log.dropped()), 1, str(answer))


async def test_times_whose_offset_leads_out_of_the_years_that_can_be_written_hold_to_the_second_before():
    rig = await Rig(factory={"AllowOfflineTxForUnknownId": True}).online()
    first, last = "1970-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"
    equal([clock.parse_iso(text) for text in (first, last)], [(0, 0), (253402300799, 0)])
    rig.link.answers["Authorize"] = id_tag_info("Accepted", expiry=last)
    await rig.charge()
    equal(await install(rig, profile(1, limit=7, validFrom=first, validTo=last)), "Accepted")
    entry = {"idTag": "PAST", "idTagInfo": {"status": "Accepted", "expiryDate": first}}
    request = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    equal((await rig.call("SendLocalList", **request))["status"], "Accepted")
    await rig.power_cut()
    equal(rig.connectors[0].outlet.limits.get("csms"), 70, "the profile is kept")
    await rig.start()
    await rig.offline()
    await rig.plug()
    equal((await swipe(rig, "PAST"), await swipe(rig, "TAG00001")), (None, "TAG00001"))


async def test_f_o17_a_transaction_id_as_text_or_float_is_that_number():
    for received, wanted in (("55", 55), (5.0, 5), (55, 55)):
        rig = logged(await Rig().online())
        rig.link.answers["StartTransaction"] = {"transactionId": received, "idTagInfo": {"status": "Accepted"}}
        await rig.charge()
        await known(rig, wanted)
        equal(rig.cp.security_log.dropped(), [])
        equal(await rig.call("RemoteStopTransaction", transactionId=wanted), {"status": "Accepted"})
        equal((await rig.sent("StopTransaction"))["transactionId"], wanted)


async def test_f_o17_a_transaction_id_that_cannot_be_read_is_reported():
    for received in ("five", None, True, 5.5, {}):
        rig = logged(await Rig().online())
        rig.link.answers["StartTransaction"] = {"transactionId": received, "idTagInfo": {"status": "Accepted"}}
        await rig.charge()
        await known(rig, -1)
        equal(len(rig.cp.security_log.dropped()), 1, repr(received))


async def test_f_o17_the_interval_is_read_in_every_form_and_within_the_keys_range():
    for received, wanted, dropped in ((300, 300, 0), (300.0, 300, 0), ("300", 300, 0), (0, 86400, 0), (None, 86400, 0),
                                  (604800, 604800, 0), (604801, 86400, 1), (10**9, 86400, 1), (-5, 86400, 1),
                                  ("soon", 86400, 1), (1.5, 86400, 1)):  # fmt: skip
        rig = logged(Rig())
        rig.link.answers["BootNotification"] = {"status": "Accepted", "interval": received, "currentTime": clock.iso(NOW)}
        await rig.start()
        await rig.until(rig.cp.ready)
        equal(rig.config.get_int("HeartbeatInterval"), wanted, repr(received))
        equal(len(rig.cp.security_log.dropped()), dropped, repr(received))


async def test_f_o17_a_pending_back_end_with_an_interval_of_years_is_asked_again_within_two_minutes():
    rig = logged(Rig())
    rig.link.answers["BootNotification"] = {"status": "Pending", "interval": 10**9, "currentTime": clock.iso(NOW)}
    await rig.start()
    await rig.seconds(125)
    true(len(rig.link.of("BootNotification")) >= 2)


async def test_a_current_time_with_a_space_is_taken_and_rubbish_is_reported():
    rig = logged(Rig(utc=None))
    text = clock.iso(NOW + 77)[:19].replace("T", " ")
    rig.link.answers["BootNotification"] = {"status": "Accepted", "interval": 300, "currentTime": text}
    await rig.start()
    await rig.until(rig.cp.ready)
    near(clock.utc_s(), NOW + 77, 2)
    rig.link.answers["Heartbeat"] = {"currentTime": "half past two"}
    await rig.call("TriggerMessage", requestedMessage="Heartbeat")
    await rig.until(rig.cp.security_log.dropped, 2000)


async def test_f_o13_optional_fields_that_are_null_are_absent_in_calls():
    rig = await Rig().online()
    equal(await rig.call("TriggerMessage", requestedMessage="Heartbeat", connectorId=None), {"status": "Accepted"})
    entry = {"idTag": "A", "idTagInfo": {"status": "Accepted", "expiryDate": None, "parentIdTag": None}}
    equal(await rig.call("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=[entry]),
          {"status": "Accepted"})  # fmt: skip
    schedule = {"chargingRateUnit": "A", "duration": None, "startSchedule": None, "minChargingRate": None,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "numberPhases": None}]}  # fmt: skip
    profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
               "chargingProfileKind": "Relative", "validFrom": None, "validTo": None, "recurrencyKind": None,
               "transactionId": None, "chargingSchedule": schedule}  # fmt: skip
    equal(await rig.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile), {"status": "Accepted"})
    equal(await rig.call("RemoteStartTransaction", idTag="A", connectorId=None, chargingProfile=None),
          {"status": "Accepted"})  # fmt: skip


async def test_f_o13_nulls_in_a_long_list_are_absent_too():
    entry = '{"idTag":"TAG%05d","idTagInfo":{"status":"Accepted","expiryDate":null,"parentIdTag":null}}'
    text = '[2,"1","SendLocalList",{"localAuthorizationList":[%s]}]' % ",".join([entry % n for n in range(60)])
    data = bytearray(text.encode())
    message = await strict_json.loads(data, len(data), strict_json.JsonScan(data, len(data)))
    items = message[3]["localAuthorizationList"]
    true(isinstance(items, json_pieces.Items))
    equal([item["idTagInfo"] for item in items], [{"status": "Accepted"}] * 60)


async def test_get_configuration_of_a_long_message_looks_at_the_number_of_names():
    """400 names are refused without any of them in the heap; twelve between white space are answered."""
    rig = await Rig().online()
    for count, space in ((400, ""), (12, " " * 500)):
        names = ["Key%047d" % n for n in range(count)]
        text = '[2,"1","GetConfiguration",{"key":[%s]}]' % ("," + space).join(['"%s"' % name for name in names])
        data = bytearray(text.encode())
        payload = (await strict_json.loads(data, len(data), strict_json.JsonScan(data, len(data))))[3]
        try:
            equal((await rig.handled("GetConfiguration", payload))[0], {"unknownKey": names})
            equal(count, 12)
        except OcppError as error:
            equal((error.code, count), ("PropertyConstraintViolation", 400))


# --- every field of every message of the back end ---


def sample(spec):
    """A value of a spec, with all optional fields."""
    kind = spec[0]
    if kind == "obj":
        return {name: sample(field) for fields in spec[1:] for name, field in fields}
    if kind == "list":
        return [sample(spec[1])]
    if kind in ("int", "whole", "num"):
        return max(1, spec[1] or 1)
    if kind == "enum":
        return spec[1][0]
    return {"time": "2026-09-21T14:13:20Z", "bool": True}.get(kind, "a" * max(1, spec[2] if len(spec) > 2 else 1))


def fields_of(spec, path=()):
    """(path, spec, whether it is optional) of each field, however deep."""
    if spec[0] == "list":
        for found in fields_of(spec[1], path + (0,)):  # noqa: RUF005 - MicroPython has no * here
            yield found
    elif spec[0] == "obj":
        for optional in range(len(spec) - 1):
            for name, field in spec[1 + optional]:
                where = path + (name,)  # noqa: RUF005
                yield where, field, optional == 1
                for found in fields_of(field, where):
                    yield found


async def judged(spec, path, value):
    """None where the message passes with this value at this place, else the kind of its fault; as it comes from the wire."""
    message = sample(spec)
    place = message
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    data = bytearray(json.dumps([2, "1", "A", message]).encode())
    message = (await strict_json.loads(data, len(data), strict_json.JsonScan(data, len(data))))[3]
    try:
        validate.check(spec, message, True)
    except InvalidValueError as error:
        return error.kind
    return None


async def test_null_is_absent_and_a_fraction_of_zeros_whole_in_every_field_of_every_message():
    nulls = numbers = required = 0
    for action in sorted(actions.ACTIONS):
        spec = actions.load(action).SPEC
        for path, field, optional in fields_of(spec):
            about = "%s %s" % (action, path)
            equal(await judged(spec, path, sample(field)), None, about)
            if optional:
                equal(await judged(spec, path, None), None, about + " null")
                nulls += 1
            elif field[0] != "any":
                equal(await judged(spec, path, None), validate.TYPE, about + " null, required")
                required += 1
            if field[0] in ("int", "whole", "num"):
                number = sample(field)
                equal(await judged(spec, path, float(number)), None, about + " as a fraction of zeros")
                equal(await judged(spec, path, str(number)), validate.TYPE, about + " as text: its sender gets an error")
                numbers += 1
    true(nulls > 30 and numbers > 30 and required > 30, str((nulls, numbers, required)))
