"""A unit in Germany (the grid operator's reduction), and one in a country without rules of its own."""

from check import equal
from ocpp_rig import Rig
from rules_rig import PEAK, begin, unit

HEAP = 16 * 1024 * 1024


async def test_without_national_rules_there_are_neither_hours_nor_delays():
    rig = await unit(PEAK, "none")
    connector = await begin(rig)
    await rig.until(lambda: connector.status == "Charging", 8000)
    equal(rig.planner.report()["delay_max_s"], 0)


async def test_the_reduction_signal_leaves_4200_w_in_germany():
    for phases, share_da in ((1, 182), (3, 60)):
        rig = await Rig(phases=phases, utc=PEAK, country="DE").online()
        connector = await begin(rig)
        await rig.until(lambda c=connector: c.status == "Charging", 8000)
        equal((await rig.call("ChangeConfiguration", key="GridReduction", value="true"))["status"], "Accepted")
        await rig.seconds(1)
        equal((connector.outlet.limits.effective_da, connector.outlet.limits.ruling), (share_da, "grid"))
        equal((await rig.call("ChangeConfiguration", key="GridReduction", value="false"))["status"], "Accepted")
        await rig.seconds(1)
        equal(connector.outlet.limits.effective_da, 320)


async def test_the_signal_input_reduces_the_same_and_the_later_session_waits():
    asked = [0]
    rig = await Rig(2, phases=3, utc=PEAK, country="DE").online()
    rig.planner.reduction.signal = lambda: asked[0]
    for number in (2, 1):
        await rig.charge(number, "TAG%d" % number)
    asked[0] = 1
    await rig.seconds(1)
    equal([c.outlet.limits.effective_da for c in rig.connectors], [0, 60])
    asked[0] = 0
    await rig.seconds(1)
    equal([c.outlet.limits.effective_da for c in rig.connectors], [320, 320])
