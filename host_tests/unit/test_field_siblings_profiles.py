"""Further cases of the kinds of F-O1 to F-O6 and F-O22: charging profiles, their owners, and the clock. In manual time."""

from check import equal
from ocpp_rig import NOW, Rig
from profiles import Fault, install
from profiles import relative as profile

from charger import clock
from charger.errors import CallError

HEAP = 16 * 1024 * 1024


def limit(rig, number=1):
    return rig.connectors[number - 1].outlet.limits.get("csms")


def two_periods(start_s=None):
    """8 A, and 16 A after 600 s; from a UTC second on, or from the start of charging."""
    schedule = {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}, {"startPeriod": 600, "limit": 16}]}
    if start_s is not None:
        schedule["startSchedule"] = clock.iso(start_s)
    return schedule


async def scheduled(rig, connector):
    """The limit of the composite schedule for now, in A."""
    answer = await rig.call("GetCompositeSchedule", connectorId=connector, duration=0)
    return answer["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]


async def remote_start(rig, tag="A", connector=1, **more):
    return (await rig.call("RemoteStartTransaction", idTag=tag, connectorId=connector, **more))["status"]


async def clear(rig, **request):
    return (await rig.call("ClearChargingProfile", **request))["status"]


async def charges(rig, number=1):
    """A car comes to a connector for which a start waits."""
    await rig.plug(number)
    await rig.until(lambda: rig.connectors[number - 1].status == "Charging")


# --- the clock ---


async def test_f_o6_an_absolute_profile_counts_as_soon_as_the_time_is_known_after_a_power_cut():
    rig = await Rig().online()
    await install(rig, profile(limit=8, kind="Absolute"))
    await rig.power_cut(utc=False)
    await rig.start()
    equal(limit(rig), None)
    clock.set_utc(NOW + 500, "ocpp")
    await rig.seconds(2)
    equal(limit(rig), 80)


async def test_f_o6_the_limit_follows_a_clock_that_is_set_either_way():
    rig = await Rig().online()
    await install(rig, profile(kind="Absolute", schedule=two_periods(NOW - 1000)))
    equal(limit(rig), 160)
    for step_s, wanted in ((-800, 80), (700, 160), (-5000, None), (4500, 80)):
        clock.set_utc(clock.utc_s() + step_s, "ocpp")
        await rig.seconds(2)
        equal(limit(rig), wanted, str(step_s))
        equal(await scheduled(rig, 1), 32 if wanted is None else wanted // 10)


async def test_f_o6_a_time_that_is_taken_back_takes_its_limit_with_it():
    rig = await Rig().online()
    await install(rig, profile(limit=8, kind="Absolute"))
    clock.forget_utc()
    await rig.seconds(2)
    equal(limit(rig), None)


async def test_f_o6_a_relative_schedule_counts_seconds_of_charging_whatever_the_clock_does():
    rig = await Rig().online()
    await rig.charge()
    await install(rig, profile(schedule=two_periods()))
    await rig.seconds(100)
    for step_s in (3600, -7200):
        clock.set_utc(clock.utc_s() + step_s, "ocpp")
        await rig.seconds(2)
        equal(limit(rig), 80, str(step_s))
    await rig.seconds(500)
    equal(limit(rig), 160)


# --- who owns a profile ---


async def test_f_o4_a_profile_of_a_start_that_waits_is_replaced_by_a_later_one_of_its_id():
    rig = await Rig().online()
    equal(await remote_start(rig, chargingProfile=profile(1, "TxProfile", 6)), "Accepted")
    await rig.shows("Preparing")
    equal(await install(rig, profile(1, limit=20)), "Accepted")
    await charges(rig)
    equal(limit(rig), 200)
    equal(await clear(rig, id=1), "Accepted")
    equal(await clear(rig), "Unknown")


async def test_f_o4_a_profile_of_a_start_that_waits_can_be_cleared():
    for request, wanted in (({}, "Accepted"), ({"id": 1}, "Accepted"), ({"connectorId": 1}, "Accepted"),
                            ({"chargingProfilePurpose": "TxProfile", "stackLevel": 0}, "Accepted"),
                            ({"id": 2}, "Unknown"), ({"connectorId": 0}, "Unknown"), ({"stackLevel": 1}, "Unknown"),
                            ({"chargingProfilePurpose": "TxDefaultProfile"}, "Unknown")):  # fmt: skip
        rig = await Rig(factory={"MaxChargingProfilesInstalled": 1}).online()
        await remote_start(rig, chargingProfile=profile(1, "TxProfile", 6))
        await rig.shows("Preparing")
        equal(await clear(rig, **request), wanted, str(request))
        equal(await clear(rig, **request), "Unknown")
        await charges(rig)
        equal(limit(rig), None if wanted == "Accepted" else 60)


async def test_f_o4_two_starts_with_the_same_profile_id_keep_a_profile_each():
    rig = await Rig(2, factory={"MaxChargingProfilesInstalled": 2}).online()
    for number, amps in ((1, 7), (2, 9)):
        equal(await remote_start(rig, "TAG%d" % number, number, chargingProfile=profile(6, "TxProfile", amps)), "Accepted")
        await rig.shows("Preparing", number)
    equal(await install(rig, profile(7)), "Rejected", "the places of both are kept")
    await charges(rig, 1)
    await charges(rig, 2)
    equal((limit(rig, 1), limit(rig, 2)), (70, 90))
    rig.connectors[0].stop("Remote")
    await rig.until(lambda: rig.connectors[0].session is None)
    equal((limit(rig, 1), limit(rig, 2)), (None, 90))


async def test_f_o4_a_start_whose_tag_is_not_authorised_or_that_goes_out_of_service_gives_its_place_back():
    factory = {"MaxChargingProfilesInstalled": 1, "AuthorizeRemoteTxRequests": "true"}
    rig = await Rig(factory=factory).online()
    rig.link.answers["Authorize"] = CallError("InternalError", "")
    equal(await remote_start(rig, chargingProfile=profile(1, "TxProfile")), "Accepted")
    await rig.seconds(2)
    equal(rig.statuses(), ["Available"])
    equal(await install(rig, profile(9)), "Accepted")
    rig = await Rig(factory={"MaxChargingProfilesInstalled": 1}).online()
    await remote_start(rig, chargingProfile=profile(1, "TxProfile"))
    await rig.shows("Preparing")
    await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
    equal(await install(rig, profile(9)), "Accepted")
    await rig.call("ChangeAvailability", connectorId=1, type="Operative")
    await rig.plug()
    await rig.seconds(2)
    equal((rig.connectors[0].session, rig.connectors[0].status), (None, "Preparing"))


async def test_f_o4_a_tx_profile_is_refused_while_its_transaction_ends_and_of_an_id_that_is_not_known_yet():
    rig = Rig()
    rig.link.slow_ms["StartTransaction"] = 20000
    await rig.online()
    await rig.charge()
    equal(await install(rig, profile(5, "TxProfile", 9, transactionId=101), 1), "Rejected")
    equal(await install(rig, profile(5, "TxProfile", 9), 1), "Accepted")
    rig.connectors[0].stop("Remote")
    equal(await install(rig, profile(6, "TxProfile", 9), 1), "Rejected")
    equal(await remote_start(rig, "B", chargingProfile=profile(7, "TxProfile", 7)), "Accepted")
    await rig.until(lambda: rig.connectors[0].session is not None and rig.connectors[0].session.id_tag == "B")
    equal(limit(rig), 70)


async def test_f_o4_a_start_that_a_full_queue_drops_gives_its_place_back():
    rig = await Rig(factory={"MaxChargingProfilesInstalled": 1, "AuthorizeRemoteTxRequests": True}).online()
    rig.link.slow_ms["Authorize"] = 25000
    rig.cp.tag_shown(rig.connectors[0], "CARD")
    await rig.seconds(1)
    equal(await remote_start(rig, chargingProfile=profile(1, "TxProfile")), "Accepted")
    equal(await install(rig, profile(9)), "Rejected")
    for _ in range(40):
        rig.cp.sender.post(lambda: None, lambda: None)
    equal(await install(rig, profile(9)), "Accepted")


async def test_f_o22_a_replaced_and_cleared_profile_does_not_come_back_with_a_restart():
    rig = await Rig().online()
    await install(rig, profile(101, limit=20, stack=3, kind="Absolute"))
    await install(rig, profile(102, limit=30, stack=3, kind="Absolute"))
    equal(await clear(rig, id=102), "Accepted")
    await rig.power_cut()
    equal((limit(rig), await clear(rig)), (None, "Unknown"))


# --- what is told is what flows ---


async def test_f_o5_a_connector_on_which_no_energy_can_flow_is_no_part_of_the_sum():
    rig = await Rig(2).online()
    await rig.charge(1)
    equal(await scheduled(rig, 0), 64)
    rig.connectors[1].outlet.fault = Fault
    equal((await scheduled(rig, 0), await scheduled(rig, 2)), (32, 0))
    rig.connectors[1].outlet.fault = None
    await rig.call("ChangeAvailability", connectorId=2, type="Inoperative")
    equal((await scheduled(rig, 0), await scheduled(rig, 2)), (32, 0))
    await rig.call("ChangeAvailability", connectorId=2, type="Operative")
    equal(await scheduled(rig, 0), 64)


async def test_f_o6_a_transaction_whose_energy_the_back_end_holds_is_told_as_0():
    rig = await Rig(factory={"StopTransactionOnInvalidId": "false"}).online()
    rig.link.answers["StartTransaction"] = {"transactionId": 7, "idTagInfo": {"status": "Blocked"}}
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "A")
    await rig.shows("SuspendedEVSE")
    rig.connectors[0].outlet.settle()
    equal((await scheduled(rig, 1), await scheduled(rig, 0), rig.connectors[0].outlet.offered_da), (0, 0, 0))


async def test_f_o6_limits_in_watts_at_the_edge_of_what_a_pilot_can_say():
    for phases, watts, wanted in ((1, 1380, 60), (1, 1379.9, 59), (3, 4140, 60), (3, 4139, 59), (1, 7360.5, 320), (3, 0, 0)):
        rig = await Rig(phases=phases).online()
        equal(await install(rig, profile(limit=watts, unit="W")), "Accepted")
        equal(limit(rig), wanted)
        equal(await scheduled(rig, 1), wanted // 10 if wanted >= 60 else 0)


async def test_f_o1_durations_of_all_sizes_have_a_period_and_come_back():
    rig = await Rig().online()
    await install(rig, profile(limit=10))
    for duration in (0, 1, 59, 86400, 31536000, 2147483647, 1 << 40):
        schedule = (await rig.call("GetCompositeSchedule", connectorId=1, duration=duration))["chargingSchedule"]
        equal((schedule["duration"], [p["startPeriod"] for p in schedule["chargingSchedulePeriod"]]), (duration, [0]))
