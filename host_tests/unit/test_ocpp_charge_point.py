"""A whole charge point against a scripted back end: boot, sessions, offline, power cuts."""

from check import equal
from ocpp_rig import Rig


async def test_boot_then_status_of_all_connectors_ocpp26():
    rig = await Rig(2).online()
    equal(rig.link.order(), ["BootNotification"] + ["StatusNotification"] * 3)
    equal([p["connectorId"] for p in rig.link.of("StatusNotification")], [0, 1, 2])


async def test_a_session_from_plug_to_stop():
    rig = await Rig().online()
    session = await rig.charge()
    await rig.sent("StartTransaction")
    await rig.until(lambda: session.transaction_id == 101)
    rig.meters[0].total_wh += 500
    rig.cp.tag_shown(rig.connectors[0], "tag00001")
    stop = await rig.sent("StopTransaction")
    equal((stop["meterStop"], stop["reason"], stop["transactionId"], stop["idTag"]), (1500, "Local", 101, "tag00001"))
    await rig.until(lambda: [p["status"] for p in rig.link.of("StatusNotification")][-3:] == [
        "Preparing", "Charging", "Finishing"])
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.link.of("StatusNotification")[-1]["status"] == "Available")
    equal(rig.link.order().index("Authorize") < rig.link.order().index("StartTransaction"), True)
