"""Charging profiles for one phase on outlets that switch their phases (CP-51, OCPP-106). In manual time."""

from check import equal, true
from ocpp_rig import Rig
from profiles import install
from profiles import relative as profile
from test_field_profiles import limit, scheduled

from charger import clock
from charger.grid import planner

HEAP = 16 * 1024 * 1024
SATURDAY = clock.utc_of(2026, 6, 13, 11)  # within the hours of Great Britain


async def charging(connectors=1, switches=True):
    rig = await Rig(connectors=connectors, phases=3, switches=switches, country="none").online()
    for number in range(connectors):
        await rig.charge(number + 1)
    return rig, rig.connectors[0].outlet


async def test_a_period_for_one_phase_is_charged_on_one_and_told_so_cp51():
    rig, outlet = await charging()
    await install(rig, profile(limit=3680, unit="W", phases=1))
    await rig.seconds(2)
    equal((limit(rig), outlet.phases_wanted), (160, 1), "all watts on the one phase")
    equal((await scheduled(rig), await scheduled(rig, unit="W")), (("16", 1), ("3680", 1)))
    await install(rig, profile(limit=10, phases=1))
    await rig.seconds(2)
    equal((outlet.phases_wanted, await scheduled(rig), await scheduled(rig, unit="W")), (1, ("10", 1), ("2300", 1)))
    await install(rig, profile(limit=6900, unit="W"))
    await rig.seconds(2)
    equal((limit(rig), outlet.phases_wanted, await scheduled(rig)), (100, 3, ("10", 3)))


async def test_an_outlet_that_cannot_switch_stays_on_all_phases_and_says_so_in_its_configuration():
    for switches in (False, True):
        rig, outlet = await charging(switches=switches)
        await install(rig, profile(limit=10, phases=1))
        await rig.seconds(2)
        equal(outlet.phases_wanted, 1 if switches else 3)
        equal(rig.config.get_bool("ConnectorSwitch3to1PhaseSupported"), switches)


async def test_the_composite_schedule_tells_the_phases_of_each_period():
    rig, _ = await charging()
    periods = [{"startPeriod": 0, "limit": 10, "numberPhases": 1}, {"startPeriod": 600, "limit": 10},
               {"startPeriod": 1200, "limit": 10, "numberPhases": 3}]
    fields = profile()
    fields["chargingSchedule"]["chargingSchedulePeriod"] = periods
    await install(rig, fields)
    answer = await rig.call("GetCompositeSchedule", connectorId=1, duration=1800, chargingRateUnit="W")
    found = [(one["startPeriod"] > 0, str(one["limit"]), one["numberPhases"])
             for one in answer["chargingSchedule"]["chargingSchedulePeriod"]]
    equal(found, [(False, "2300", 1), (True, "6900", 3)])


async def test_the_sum_of_the_unit_loads_one_phase_where_one_is_used():
    rig, _ = await charging(connectors=2)
    for number in (1, 2):
        rig.connectors[number - 1].outlet.rotation = number - 1
        await install(rig, profile(limit=10, phases=1, number=number), number)
    equal((await scheduled(rig, 0), await scheduled(rig, 0, "W")), (("10", 3), ("4600", 3)))


async def test_the_phases_change_with_the_limit_behind_its_random_delay_uk35():
    planner.draw = lambda _most_s: 300
    rig = await Rig(phases=3, switches=True, country="GB", utc=SATURDAY).online()
    outlet = rig.connectors[0].outlet
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG00001")
    await rig.seconds(320)
    await install(rig, profile(limit=16, phases=1))
    await rig.seconds(290)
    equal(outlet.phases_wanted, 3, "the last limit holds")
    await rig.seconds(20)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (1, 160))
    await install(rig, profile(limit=10))
    await rig.seconds(290)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (1, 160))
    await rig.seconds(20)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (3, 100))


async def test_the_same_current_on_other_phases_is_a_change_that_waits_too_uk35():
    planner.draw = lambda _most_s: 300
    rig = await Rig(phases=3, switches=True, country="GB", utc=SATURDAY).online()
    outlet = rig.connectors[0].outlet
    await install(rig, profile(limit=16, phases=1))
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG00001")
    await rig.seconds(320)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (1, 160))
    await install(rig, profile(limit=16))
    await rig.seconds(290)
    equal(outlet.phases_wanted, 1)
    await rig.seconds(20)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (3, 160))


async def test_each_of_two_changes_that_wait_brings_its_own_phases():
    rig = await Rig(phases=3, switches=True, country="GB", utc=SATURDAY).online()
    outlet = rig.connectors[0].outlet
    planner.draw = lambda _most_s: 0
    await install(rig, profile(limit=10))
    await rig.charge()
    planner.draw = lambda _most_s: 100
    await install(rig, profile(limit=32, phases=1))
    await rig.seconds(10)
    planner.draw = lambda _most_s: 600
    await install(rig, profile(limit=6))
    await rig.seconds(80)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (3, 100))
    await rig.seconds(20)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (1, 320))
    await rig.seconds(520)
    equal((outlet.phases_wanted, outlet.limits.effective_da), (3, 60))


async def test_a_session_begins_on_the_phases_of_its_profile():
    """The contactor would else close on all of them and open again."""
    rig = await Rig(phases=3, switches=True, country="none").online()
    await rig.plug()
    found = []
    fields = profile(limit=10, phases=1, purpose="TxProfile")
    answer = await rig.call("RemoteStartTransaction", idTag="TAG00001", connectorId=1, chargingProfile=fields)
    equal(answer["status"], "Accepted")

    def begun():
        outlet = rig.connectors[0].outlet
        if outlet.permit:
            found.append(outlet.phases_wanted)
        return outlet.permit

    await rig.until(begun)
    equal(found, [1])


async def test_the_session_that_follows_has_all_phases():
    rig, outlet = await charging()
    equal(await install(rig, profile(limit=10, phases=1, purpose="TxProfile"), 1), "Accepted")
    await rig.seconds(2)
    equal(outlet.phases_wanted, 1)
    await rig.call("RemoteStopTransaction", transactionId=rig.connectors[0].session.transaction_id)
    await rig.until(lambda: rig.connectors[0].session is None)
    await rig.seconds(2)
    equal(outlet.phases_wanted, 3)
    true(limit(rig) is None)
