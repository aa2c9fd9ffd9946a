"""A unit under national rules, and a session on it."""

from ocpp_rig import Rig

from charger import clock
from charger.grid import planner
from charger.grid.random_delay import draw

NIGHT = clock.utc_of(2026, 9, 21, 23)  # a Monday; summer time: local time is one hour ahead
PEAK = clock.utc_of(2026, 9, 21, 16)


async def unit(utc=NIGHT, country="GB", delay_s=None, **factory):
    """A unit whose random delays are all `delay_s`, drawn where it is None."""
    planner.draw = draw if delay_s is None else lambda _most_s: delay_s
    return await Rig(factory=factory, utc=utc, country=country).online()


async def begin(rig, tag="TAG00001"):
    """A car comes and a card is shown; the connector."""
    await rig.plug()
    connector = rig.connectors[0]
    rig.cp.tag_shown(connector, tag)
    await rig.until(lambda: connector.session is not None)
    return connector


async def leave(rig):
    """The car is unplugged, and its session over."""
    await rig.plug(plugged=False)
    await rig.until(lambda: rig.connectors[0].session is None)


def plan(rig):
    return rig.planner.lane_report(rig.connectors[0])


async def charging(rig):
    """A session whose random delay is over."""
    connector = await begin(rig)
    await rig.until(lambda: connector.status == "Charging", 1900000)
    return connector
