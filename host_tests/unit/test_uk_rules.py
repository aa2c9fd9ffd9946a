"""The rules of the Smart Charge Points Regulations, each test named after its rule, over a whole charge point (UK-12 to 38)."""

from check import equal, raises, true
from ocpp_rig import Rig
from profiles import profile
from rules_rig import NIGHT, PEAK, begin, charging, leave, plan, unit

from charger import clock
from charger.access.tokens import Client
from charger.grid import countries
from charger.grid.random_delay import WaitingChanges, draw
from charger.grid.weekly import WeeklyWindows
from charger.runtime.cooperative import run_now

HEAP = 16 * 1024 * 1024


async def installed(rig, fields, connector=1):
    answer = await rig.call("SetChargingProfile", connectorId=connector, csChargingProfiles=fields)
    equal(answer["status"], "Accepted")


def events(rig, name):
    return [info for event, info in rig.events if event == name]


async def test_a_profile_marked_as_response_dsr_acts_without_a_delay_uk12():
    rig = await unit(ResponseDsrProfiles="7")
    await charging(rig)
    await installed(rig, profile(7, limit=8, stack=5))
    equal(rig.connectors[0].outlet.limits.effective_da, 80)
    true("response DSR, profile 7" in events(rig, "RandomDelayBypassed")[-1])
    equal((await rig.call("ClearChargingProfile", id=7))["status"], "Accepted")
    equal(rig.connectors[0].outlet.limits.effective_da, 320, "its end is part of it")


async def test_the_default_hours_hold_from_the_factory_and_none_is_a_peak_hour_uk21():
    rig = await unit()
    table = countries.load(rig.config.get_str("Country"))
    hours, peak = WeeklyWindows(table.HOURS), WeeklyWindows(table.PEAK)
    equal([minute for minute in range(10080) if hours.contains(minute) and peak.contains(minute)], [])
    equal(sum([peak.contains(minute) for minute in range(10080)]), 5 * 9 * 60)
    report = rig.planner.hours().report()
    equal((report["choice"], report["windows"]), (None, table.HOURS))


async def test_the_owner_accepts_removes_or_changes_the_hours_at_first_use_uk22():
    for choice, windows, in_force, at_peak in (
        ("accept", "", countries.load("GB").HOURS, False), ("remove", "", "", True),
        ("change", "1-7 12:00-20:00", "1-7 12:00-20:00", True),
    ):  # fmt: skip
        rig = await unit(PEAK)
        connector = await begin(rig)
        await rig.seconds(601)
        equal(connector.status, "SuspendedEVSE", "the default holds until there is a choice")
        equal(rig.planner.report()["hours_chosen"], False)
        run_now(rig.planner.choose_hours(choice, windows, "owner, page"))
        equal((rig.planner.hours().report()["choice"], rig.planner.report()["hours_chosen"]), (choice, True))
        true(events(rig, "ChargingHoursChosen")[-1].startswith(choice))
        await rig.seconds(605)
        equal(connector.status == "Charging", at_peak)
        await rig.power_cut()
        equal((rig.planner.hours().report()["choice"], rig.planner.hours().report()["windows"]), (choice, in_force))


async def test_hours_can_be_changed_removed_and_set_later_uk23():
    rig = await unit(PEAK)
    for choice, windows, allowed in (("remove", "", True), ("accept", "", False), ("change", "1 16:00-18:00", True),
                                     ("change", "2 16:00-18:00", False), ("remove", "", True)):  # fmt: skip
        run_now(rig.planner.choose_hours(choice, windows, "owner"))
        equal(rig.planner.hours().at(clock.utc_s())[0], allowed)
    raises(ValueError, lambda: run_now(rig.planner.choose_hours("change", "every day", "owner")))
    equal(rig.planner.hours().report()["choice"], "remove", "nonsense changes nothing")


async def test_hours_that_were_written_hold_though_the_request_ended_there_uk23():
    rig = await unit(PEAK)
    await rig.seconds(2)
    equal(rig.planner.report()["hours_open"], False)
    steps = rig.planner.choose_hours("remove", "", "owner")
    while rig.planner.hours().choice is None:
        next(steps)
    equal(rig.planner.report()["hours_open"], False, "the hours are looked up in a slice of their own")
    steps.close()
    await rig.seconds(2)
    equal(rig.planner.report()["hours_open"], True)


async def test_outside_the_hours_nothing_flows_until_they_begin_uk24():
    rig = await unit(clock.utc_of(2026, 9, 21, 20, 30))
    connector = await begin(rig)
    await rig.shows("SuspendedEVSE")
    equal((connector.outlet.limits.ruling, connector.info), ("hours", "Paused by the charging hours"))
    equal(plan(rig)["next_change"], "2026-09-21T21:00:00.000Z")
    await rig.seconds(1795)
    equal(connector.status, "SuspendedEVSE")
    await rig.until(lambda: connector.status == "Charging", 610000)
    true(clock.utc_s() >= clock.utc_of(2026, 9, 21, 21))


async def test_the_hours_follow_daylight_saving_time_both_ways_uk24():
    for sunday, utc_end in (((2026, 3, 29), 7), ((2026, 10, 25), 8)):
        rig = await unit(clock.utc_of(*sunday, 0, 30))
        run_now(rig.planner.choose_hours("change", "7 00:00-08:00", "owner"))
        hours = rig.planner.hours()
        end = clock.utc_of(*sunday, utc_end)
        equal(hours.at(end - 1)[0], True)
        equal(hours.at(end)[0], False)
        at, edges = clock.utc_s(), []
        while at < end:
            at = hours.at(at)[1]
            edges.append(at)
        equal(edges, [clock.utc_of(*sunday, 1), end], "the change of the clocks, then the end of the window")


async def test_without_the_time_it_charges_after_a_delay_uk15_uk24():
    rig = Rig(utc=None, country="GB")
    await rig.start()
    await rig.offline()
    connector = rig.connectors[0]
    rig.config.put("AllowOfflineTxForUnknownId", "true")
    await rig.plug()
    rig.cp.tag_shown(connector, "TAG00001")
    await rig.until(lambda: connector.session is not None)
    true(connector.status != "Charging")
    await rig.until(lambda: connector.status == "Charging", 610000)
    clock.set_utc(PEAK, "test")
    await rig.until(lambda: connector.status == "SuspendedEVSE", 610000)
    equal(connector.outlet.limits.ruling, "hours")


async def test_charge_now_overrides_hours_and_delay_for_this_session_only_uk25():
    rig = await unit(PEAK)
    connector = await begin(rig)
    await rig.seconds(3)
    rig.planner.override(connector, "owner")
    await rig.shows("Charging")
    true("charge now, by owner" in events(rig, "ChargingOverride")[0])
    await rig.plug(plugged=False)
    await rig.until(lambda: connector.session is None)
    connector = await begin(rig)
    await rig.seconds(601)
    equal(connector.status, "SuspendedEVSE")


async def test_the_owner_does_not_take_part_in_a_dsr_event_uk25():
    rig = await unit(ResponseDsrProfiles="7")
    connector = await charging(rig)
    await installed(rig, profile(7, limit=0, stack=5))
    await installed(rig, profile(8, limit=20, stack=1))
    await rig.shows("SuspendedEVSE")
    rig.planner.override(connector, "owner")
    rig.cp.smart_charging().recompute()
    rig.planner.skip_delay(connector, "owner")
    equal(connector.outlet.limits.effective_da, 200, "what is no DSR event holds all the same")
    await rig.shows("Charging")


async def test_units_with_a_dsr_agreement_have_no_default_hours_uk26():
    equal((await unit()).config.get_bool("DsrAgreement"), False)
    rig = await unit(PEAK, DsrAgreement="true")
    await charging(rig)
    equal(rig.planner.hours().report()["windows"], "")


async def test_a_maximum_of_1800_s_is_taken_and_200_starts_keep_to_it_uk30():
    rig = await unit()
    equal((await rig.call("ChangeConfiguration", key="RandomDelayMax", value="1800"))["status"], "Accepted")
    delays = []
    for _ in range(200):
        await begin(rig)
        delays.append(plan(rig)["delay_s"] or 0)  # none waits after a delay of 0 s
        await leave(rig)
    true(max(delays) <= 1800 and max(delays) > 1700 and min(delays) < 100, delays)


def test_a_thousand_delays_are_uniform_whole_seconds_uk31():
    """Chi-square of 30 classes, below its value for one in a million (29 degrees of freedom)."""
    counts = [0] * 30
    for _ in range(1000):
        delay_s = draw(599)
        true(isinstance(delay_s, int) and 0 <= delay_s <= 599)
        counts[delay_s // 20] += 1
    square = sum([(count * 30 - 1000) * (count * 30 - 1000) for count in counts])
    true(square < 82 * 1000 * 30, square)


async def test_the_default_maximum_is_600_s_and_each_event_draws_anew_uk31():
    rig = await unit()
    equal(rig.planner.delay_most_s, 600)
    drawn = []
    for _ in range(12):
        await begin(rig)
        drawn.append(plan(rig)["delay_s"] or 0)
        await leave(rig)
    true(len(set(drawn)) > 6 and max(drawn) <= 600)


async def test_the_back_end_sets_the_maximum_and_it_stays_uk32():
    rig = await unit()
    for value, status in (("0", "Accepted"), ("1801", "Rejected"), ("-1", "Rejected"), ("1800", "Accepted")):
        equal((await rig.call("ChangeConfiguration", key="RandomDelayMax", value=value))["status"], status)
    await rig.power_cut()
    equal(rig.planner.delay_most_s, 1800)


async def test_already_randomised_profiles_are_not_delayed_again_uk33():
    rig = await unit(delay_s=300, RandomisedProfiles="3,4")
    await charging(rig)
    await installed(rig, profile(4, limit=10))
    equal(rig.connectors[0].outlet.limits.effective_da, 100)
    true("already randomised, profile 4" in events(rig, "RandomDelayBypassed")[-1])
    await installed(rig, profile(5, limit=6, stack=3))
    equal((plan(rig)["delay_s"], rig.connectors[0].outlet.limits.effective_da), (300, 100), "one without a mark waits")


async def test_the_owner_skips_this_delay_and_not_the_next_uk34():
    rig = await unit(delay_s=1500, RandomDelayMax="1800")
    connector = await begin(rig)
    equal(plan(rig)["delay_s"], 1500)
    true(rig.planner.skip_delay(connector, "owner"))
    equal(events(rig, "RandomDelayBypassed"), ["connector 1: skipped by owner"])
    await rig.shows("Charging")
    equal(rig.planner.skip_delay(connector, "owner"), False, "none runs")
    await installed(rig, profile(limit=10))
    equal(plan(rig)["delay_s"], 1500)


async def test_a_program_with_the_owners_token_skips_the_delay_without_its_name_in_the_log_uk34():
    rig = await unit(delay_s=1500, RandomDelayMax="1800")
    connector = await begin(rig)
    true(rig.planner.skip_delay(connector, Client(["charge"])))
    equal(events(rig, "RandomDelayBypassed"), ["connector 1: skipped by client"])
    await rig.shows("Charging")


async def test_starts_stops_and_steps_of_the_rate_hold_until_the_delay_is_over_uk35():
    rig = await unit(delay_s=200)
    connector = await begin(rig)
    limits = connector.outlet.limits

    async def changes_to(after_da, before_da):
        equal(limits.effective_da, before_da)
        equal(plan(rig)["delay_s"], 200)
        await rig.seconds(198)
        equal(limits.effective_da, before_da)
        await rig.until(lambda: limits.effective_da == after_da, 4000)

    equal((limits.ruling, limits.describe()), ("delay", "the random delay: 0.0 A"))
    await changes_to(320, 0)
    for number, amps, before, after in ((1, 16, 320, 160), (2, 32, 160, 320), (3, 6, 320, 60), (4, 0, 60, 0), (5, 32, 0, 320)):
        await installed(rig, profile(number, limit=amps, stack=number))
        await changes_to(after, before)
    run_now(rig.planner.choose_hours("change", "1 00:00-00:01", "owner"))
    await changes_to(0, 320)


async def test_a_step_of_the_clock_and_its_correction_begin_no_second_delay_uk35():
    rig = await unit(delay_s=300)
    connector = await begin(rig)
    limits = connector.outlet.limits

    async def step_and_back(there, back):
        before_da = limits.effective_da
        await rig.seconds(100)
        clock.set_utc(there, "test")
        await rig.seconds(1)
        equal((limits.effective_da, plan(rig)["delay_s"]), (before_da, None))
        equal(rig.planner.skip_delay(connector, "owner"), False, "nothing waits")
        await rig.seconds(99)
        clock.set_utc(back, "test")
        await rig.seconds(1)
        equal(limits.effective_da, before_da)
        true(plan(rig)["delay_s"] in (99, 100, 101), plan(rig)["delay_s"])

    await step_and_back(PEAK, NIGHT)  # of a start
    await rig.until(lambda: limits.effective_da == 320, 102000)
    clock.set_utc(PEAK, "test")
    await step_and_back(NIGHT, PEAK)  # of an end
    await rig.until(lambda: limits.effective_da == 0, 102000)
    clock.set_utc(NIGHT, "test")
    await rig.seconds(1)
    equal(plan(rig)["delay_s"], 300, "the next one is drawn anew")


async def test_a_change_after_a_step_of_the_clock_ends_its_delay_when_it_is_taken_back_uk35():
    rig = await unit(delay_s=300)
    await charging(rig)
    clock.set_utc(clock.utc_s() + 60, "test")
    await rig.seconds(5)
    await installed(rig, profile(1, limit=16, stack=1))
    true(plan(rig)["delay_s"] > 290, plan(rig)["delay_s"])
    await installed(rig, profile(1, limit=32, stack=1))
    equal(plan(rig)["delay_s"], None)
    await rig.seconds(100)
    await installed(rig, profile(1, limit=16, stack=1))
    true(plan(rig)["delay_s"] > 290, plan(rig)["delay_s"])


def test_of_two_changes_that_wait_the_later_one_is_never_taken_back_uk35():
    waiting = WaitingChanges()
    waiting.add(0, 100, 10)
    waiting.add(10, 20, 20)
    equal((waiting.take(29), waiting.take(30), waiting.take(200)), (None, 20, None), "the first is void")
    waiting.add(0, 5, 1)
    waiting.add(1, 50, 2)
    equal((waiting.take(5), waiting.newest(), waiting.take(51), waiting.newest()), (1, 2, 2, None))
    for n in range(20):
        waiting.add(n, 100, n)
    equal((waiting.take(99), waiting.take(10000)), (None, 19))


async def test_a_limit_that_protects_wins_at_once_over_one_that_waits_uk36():
    rig = await unit(delay_s=590)
    connector = await charging(rig)
    await installed(rig, profile(limit=20))
    equal(connector.outlet.limits.effective_da, 320)
    connector.outlet.limits.set("temperature", 100, 0)  # limits.SAFETY
    equal(connector.outlet.limits.effective_da, 100)
    connector.outlet.limits.set("temperature", None)
    await rig.seconds(600)
    equal(connector.outlet.limits.effective_da, 200)


async def test_unplugging_and_stopping_wait_for_nothing_uk36():
    rig = await unit()
    connector = await charging(rig)
    connector.stop("Local")
    await rig.until(lambda: connector.session is None, 3000)


async def test_charge_now_is_refused_where_it_would_be_dangerous_uk16():
    rig = await unit(PEAK)
    connector = await begin(rig)
    equal(rig.planner.refusal(connector), "")
    connector.outlet.limits.set("temperature", 0, 0)  # limits.SAFETY
    true("protects" in rig.planner.refusal(connector))


async def test_power_that_comes_back_starts_no_flow_without_a_delay_uk37():
    rig = await unit(delay_s=400, FreeVend="true")
    await rig.plug()
    connector = rig.connectors[0]
    await rig.until(lambda: connector.status == "Charging", 610000)
    await rig.power_cut()
    await rig.start()
    connector = rig.connectors[0]
    await rig.plug()
    await rig.until(lambda: connector.session is not None)
    equal((plan(rig)["delay_s"], connector.outlet.limits.effective_da), (400, 0))
    await rig.until(lambda: connector.status == "Charging", 405000)


async def test_what_a_power_cut_interrupted_waits_one_delay_and_not_two_uk37():
    rig = await unit(RandomDelayMax="1800")
    await charging(rig)
    await rig.power_cut()
    connector = rig.connectors[0]
    connector.outlet.plugged = connector.outlet.plugged_since_start = True
    await rig.start()
    rig.cp.power_return._due_s = clock.uptime_s() + 400
    await rig.seconds(390)
    equal((connector.session, connector.why_no_energy()), (None, "Charging goes on after the power cut"))
    await rig.until(lambda: connector.status == "Charging", 20000)
    equal((plan(rig)["delay_s"], events(rig, "RandomDelayBypassed")), (None, []))
    await leave(rig)
    await begin(rig)
    true(plan(rig)["delay_s"] is not None, "the next start has a delay of its own")
