"""ExtendedTriggerMessage: each message comes after the answer, what makes no sense is refused (WP-46)."""

from check import equal
from ocpp_rig import Rig

from charger.errors import OcppError


class Renewal:
    """The renewal of the unit's certificate: may it request one, and was it told to?"""

    def __init__(self, may):
        self.may = may
        self.triggered = 0

    def may_renew(self):
        return self.may

    def trigger(self):
        self.triggered += 1

    def second(self):
        """Nothing is due."""


async def answer_of(rig, message, **fields):
    """(status, follow-up or None) of the answer; nothing may have been sent with it."""
    rig.link.sent.clear()
    answer, follow_up = await rig.handled("ExtendedTriggerMessage", dict(fields, requestedMessage=message))
    equal(rig.link.sent, [], message)
    return answer["status"], follow_up


async def test_each_message_is_sent_after_the_answer():
    rig = await Rig().online()
    await rig.charge()
    for message, action in (
        ("Heartbeat", "Heartbeat"), ("MeterValues", "MeterValues"), ("StatusNotification", "StatusNotification"),
        ("LogStatusNotification", "LogStatusNotification"),
        ("FirmwareStatusNotification", "SignedFirmwareStatusNotification"),
    ):  # fmt: skip
        status, follow_up = await answer_of(rig, message)
        equal(status, "Accepted", message)
        running = follow_up()
        if hasattr(running, "send"):
            await running
        await rig.until(lambda action=action: rig.link.of(action))
    equal(rig.link.of("SignedFirmwareStatusNotification"), [{"status": "Idle"}])


async def test_a_boot_notification_is_rejected_once_the_unit_is_accepted_and_unknown_messages_are_not_implemented():
    rig = await Rig().online()
    equal(await answer_of(rig, "BootNotification"), ("Rejected", None))
    for message in ("DiagnosticsStatusNotification", "Nonsense", ""):
        equal(await answer_of(rig, message), ("NotImplemented", None), message)


async def test_a_connector_that_there_is_not_is_rejected_and_number_0_is_no_request():
    rig = await Rig().online()
    equal(await answer_of(rig, "StatusNotification", connectorId=2), ("Rejected", None))
    try:
        await answer_of(rig, "StatusNotification", connectorId=0)
    except OcppError:
        return
    raise AssertionError("connectorId 0 was taken")


async def test_a_certificate_is_requested_after_the_answer_where_that_is_possible_wp15():
    rig = await Rig().online()
    equal(await answer_of(rig, "SignChargePointCertificate"), ("NotImplemented", None))
    for may, status in ((False, "Rejected"), (True, "Accepted")):
        service = rig.cp.loaded["certificates"] = Renewal(may)
        given, follow_up = await answer_of(rig, "SignChargePointCertificate")
        equal((given, follow_up is not None, service.triggered), (status, may, 0))
        if follow_up is not None:
            follow_up()
            equal(service.triggered, 1)
