"""F-E17: what starts by itself after the power was away (UK-31, UK-37). Manual time."""

from check import equal, true
from ocpp_rig import Rig

from charger import clock

HEAP = 16 * 1024 * 1024


async def back(rig, plugged=True):
    """The power is back, and the car with it."""
    await rig.power_cut()
    for connector in rig.connectors:
        connector.outlet.plugged = connector.outlet.plugged_since_start = plugged
    await rig.online()


async def begun_after(rig, count):
    """Seconds until so many StartTransactions were sent."""
    since = clock.uptime_s()
    await rig.until(lambda: len(rig.link.of("StartTransaction")) >= count, 1900000)
    return clock.uptime_s() - since


async def test_f_e17_what_a_power_cut_interrupted_goes_on_after_a_random_delay():
    rig = await Rig(factory={"RandomDelayMax": "300"}).online()
    await rig.charge(tag="CARD0001")
    await rig.sent("StartTransaction")
    await back(rig)
    equal((await rig.sent("StopTransaction"))["reason"], "PowerLoss")
    equal(rig.link.of("StartTransaction"), [])
    equal(rig.connectors[0].why_no_energy(), "Charging goes on after the power cut")
    took = await begun_after(rig, 1)
    true(took <= 301, str(took))
    equal(rig.link.of("StartTransaction")[0]["idTag"], "CARD0001")
    equal((rig.connectors[0].why_no_energy(), len(rig.link.of("StopTransaction"))), ("", 1))


async def test_a_stop_that_a_power_cut_overtakes_holds():
    """Between the decision and the open contactor: nothing goes on."""
    for stop in (lambda c: c.stop("Local", "CARD0001"), lambda c: c.stop("Remote")):
        rig = await Rig(factory={"RandomDelayMax": "0"}).online()
        await rig.charge(tag="CARD0001")
        await rig.sent("StartTransaction")
        stop(rig.connectors[0])
        true(rig.connectors[0].session is not None, "the contactor has not been seen open yet")
        await back(rig)
        equal((await rig.sent("StopTransaction"))["reason"], "PowerLoss")
        await rig.seconds(20)
        equal((rig.link.of("StartTransaction"), len(rig.link.of("StopTransaction"))), ([], 1))


async def test_f_e17_free_vending_waits_as_well_but_not_for_a_car_that_comes():
    rig = Rig(factory={"FreeVend": "true", "RandomDelayMax": "1800"})
    rig.connectors[0].outlet.plugged = rig.connectors[0].outlet.plugged_since_start = True
    await rig.online()
    rig.cp.power_return._due_s = clock.uptime_s() + 400
    await rig.seconds(300)
    equal(rig.link.of("StartTransaction"), [])
    await rig.seconds(110)
    equal(len(rig.link.of("StartTransaction")), 1)
    await rig.plug(plugged=False)
    rig.connectors[0].outlet.plugged_since_start = False
    await rig.sent("StopTransaction")
    await rig.plug()
    await rig.seconds(2)
    equal(len(rig.link.of("StartTransaction")), 2)


async def test_f_e17_the_delay_is_drawn_anew_each_time_from_the_keys_range():
    delays = set()
    for _ in range(8):
        rig = Rig(factory={"FreeVend": "true", "RandomDelayMax": "40"})
        rig.connectors[0].outlet.plugged = rig.connectors[0].outlet.plugged_since_start = True
        await rig.online()
        took = await begun_after(rig, 1)
        true(took <= 42, str(took))
        delays.add(took)
    true(len(delays) > 2, str(delays))
    equal((rig.config.change("RandomDelayMax", "1801"), rig.config.change("RandomDelayMax", "1800")), ("Rejected", "Accepted"))


async def test_f_e17_nothing_goes_on_without_the_car_that_was_there_or_where_the_key_forbids_it():
    for plugged, resume in ((False, "true"), (True, "false")):
        rig = await Rig(factory={"RandomDelayMax": "0", "ResumeAfterPowerLoss": resume}).online()
        await rig.charge(tag="CARD0001")
        await rig.sent("StartTransaction")
        await back(rig, plugged)
        await rig.seconds(10)
        await rig.plug()
        await rig.seconds(700)
        equal((plugged, rig.link.of("StartTransaction")), (plugged, []))


async def test_f_e17_a_card_does_not_wait_and_an_ordered_restart_delays_nothing():
    rig = await Rig(factory={"RandomDelayMax": "1800"}).online()
    await rig.charge(tag="CARD0001")
    await rig.sent("StartTransaction")
    await back(rig)
    rig.cp.power_return._due_s = clock.uptime_s() + 400
    rig.cp.tag_shown(rig.connectors[0], "CARD0001")
    await rig.seconds(5)
    equal((len(rig.link.of("StartTransaction")), rig.connectors[0].status), (1, "Charging"))
    await rig.seconds(500)
    equal(len(rig.link.of("StopTransaction")), 1)
    rig = Rig(factory={"FreeVend": "true", "RandomDelayMax": "1800"})
    rig.cp.power_return.set_outage(False)
    rig.connectors[0].outlet.plugged = rig.connectors[0].outlet.plugged_since_start = True
    await rig.online()
    await rig.seconds(2)
    equal(len(rig.link.of("StartTransaction")), 1)


async def in_the_way(ask, status="Accepted"):
    """The delay ends while somebody else is being authorised; the idTags that begin."""
    rig = await Rig(factory={"RandomDelayMax": "1800", "AuthorizeRemoteTxRequests": "true"}).online()
    await rig.charge(tag="CARD0001")
    await rig.sent("StartTransaction")
    await back(rig)
    rig.cp.power_return._due_s = clock.uptime_s() + 10
    rig.link.slow_ms["Authorize"] = 20000
    rig.link.answers["Authorize"] = {"idTagInfo": {"status": status}}
    await rig.seconds(5)
    await ask(rig)
    await rig.seconds(10)
    equal(rig.link.of("StartTransaction"), [])
    await rig.seconds(20)
    return [start["idTag"] for start in rig.link.of("StartTransaction")]


async def by_card(rig):
    rig.cp.tag_shown(rig.connectors[0], "CARD0002")


async def by_remote_start(rig):
    equal(await rig.call("RemoteStartTransaction", connectorId=1, idTag="CARD0002"), {"status": "Accepted"})


async def test_f_e17_who_is_being_authorised_when_the_delay_ends_begins_in_its_place():
    equal(await in_the_way(by_card), ["CARD0002"])
    equal(await in_the_way(by_remote_start), ["CARD0002"])


async def test_f_e17_what_was_interrupted_goes_on_when_another_card_is_refused_meanwhile():
    equal(await in_the_way(by_card, "Blocked"), ["CARD0001"])
    equal(await in_the_way(by_remote_start, "Blocked"), ["CARD0001"])


async def test_f_e17_what_a_watchdog_reset_interrupted_does_not_go_on_by_itself():
    rig = await Rig(factory={"RandomDelayMax": "10"}).online()
    await rig.charge(tag="CARD0001")
    await rig.sent("StartTransaction")
    await rig.power_cut()
    rig.cp.power_return.set_outage(False)
    rig.connectors[0].outlet.plugged = rig.connectors[0].outlet.plugged_since_start = True
    await rig.online()
    await rig.seconds(60)
    equal((len(rig.link.of("StartTransaction")), rig.connectors[0].why_no_energy()), (0, ""))


async def test_f_e17_a_card_that_the_back_end_has_refused_does_not_go_on_after_a_power_cut():
    rig = await Rig(factory={"RandomDelayMax": "10", "StopTransactionOnInvalidId": "false"}).online()
    rig.link.answers["StartTransaction"] = {"transactionId": 7, "idTagInfo": {"status": "Blocked"}}
    await rig.charge(tag="CARD0001")
    await rig.shows("SuspendedEVSE")
    await back(rig)
    equal((await rig.sent("StopTransaction"))["reason"], "PowerLoss")
    await rig.seconds(60)
    equal((rig.link.of("StartTransaction"), rig.connectors[0].why_no_energy()), ([], ""))
