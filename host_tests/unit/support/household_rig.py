"""A unit at home as its planner's commands see it: what a household asks for, and what comes of it."""

from check import equal

from charger import clock
from charger.commands import CONFLICT, charging, planning
from charger.errors import CommandError
from charger.grid import planner, tariff
from charger.grid.random_delay import draw
from charger.runtime.cooperative import run_now

EVENING = clock.utc_of(2026, 1, 12, 18)  # a Monday in winter: local time is UTC
HOUR_S = 3600
WAITS, RUNS = "waits for the cheapest times before the departure", "a chosen time before the departure"
OVER, DONE = "the departure is over", "the car has the energy that was wanted"


class Home:
    """A unit and what its commands see of the app."""

    def __init__(self, rig):
        self.rig = rig
        self.charge_point = rig.cp
        self.connectors, self.planner, self.files, self.config = rig.connectors, rig.planner, rig.files, rig.config

    async def charge(self, action, **more):
        """The command; the text of its refusal."""
        more["action"] = action
        try:
            await charging.COMMANDS["charge"][2](self, "owner", more, "page")
        except CommandError as error:
            equal(error.kind, CONFLICT)
            return str(error)
        return ""

    async def wants(self, depart, kwh, **more):
        await planning.COMMANDS["set_plan"][2](self, "owner", dict(more, depart=depart, kwh=kwh), "page")

    def prices(self, *hours, start=None):
        tariff.add(self.files, clock.utc_s(), clock.utc_s() if start is None else start, HOUR_S, list(hours))
        run_now(self.planner.replan())

    async def begin(self, number=1):
        await self.rig.plug(number)
        connector = self.connectors[number - 1]
        self.rig.cp.tag_shown(connector, "TAG0000%d" % number)
        await self.rig.until(lambda: connector.session is not None)
        await self.rig.seconds(2)

    async def takes(self, wh, seconds):
        """The car takes so much energy at once; then so much time passes."""
        self.rig.meters[0].total_wh += wh
        await self.rig.seconds(seconds)

    async def at(self, utc):
        clock.set_utc(utc, "test")
        await self.rig.seconds(2)

    def times(self):
        lane = self.planner.lanes[0]
        return run_now(self.planner.plan(lane))

    def now(self, number=1):
        """(0.1 A, what the plan says)."""
        connector = self.connectors[number - 1]
        return connector.outlet.limits.effective_da, self.planner.lane_report(connector)["why"]


async def home(country="none", delay_s=0, utc=EVENING, connectors=1, **factory):
    from ocpp_rig import Rig  # at the top of this file the imports would be too deep for the interpreter's stack

    planner.draw = draw if delay_s is None else lambda _most_s: delay_s
    return Home(await Rig(connectors=connectors, factory=factory, utc=utc, country=country).online())
