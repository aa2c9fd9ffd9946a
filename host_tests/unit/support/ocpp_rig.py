# A charge point with real connectors, sessions and flash files, obedient outlets, and a scripted link. In manual time.
import asyncio
import json

import flashrig
import frames

from charger import clock
from charger.config.configuration import Configuration
from charger.errors import DisconnectedError
from charger.grid.planner import Planner
from charger.metering.reading import Reading
from charger.metering.session_store import SessionStore
from charger.ocpp.v16.charge_point import ChargePoint
from charger.outlet.connector import Connector
from charger.outlet.limits import Limits
from charger.runtime import cooperative
from sim import timebase

NOW = 1790000000  # 2026-09-21T14:13:20Z

_running = []  # the tasks of the last rig
_queue = None  # and the event loop's queue that they are in: a task may only be cancelled in its own loop


def _stop_tasks():
    """End what the rig before has started: it must not go on writing on the next one's flash."""
    global _queue
    if _queue is asyncio.core._task_queue:
        for task in _running:
            task.cancel()
    _running.clear()
    _queue = asyncio.core._task_queue


class Contactor:
    def __init__(self):
        self.commanded = False


class Switch:
    def __init__(self):
        self.hot_openings = self.openings = 0
        self.hot_cause = ""


class Outlet:
    """Closes when it may, opens when it must, at once."""

    def __init__(self, number, reading, phases=1, switches=False):
        self.id = number
        self.rotation = 0
        self.reading = reading
        self.limits = Limits(320)
        self.contactor = Contactor()
        self.switch = Switch()
        self.info = ""
        self.fault = self.blocked = self.board_guard = None
        self.thermometer = self.lock = self.cable = None  # parts that the board lacks
        self.phases = self.phases_wanted = self.most_phases = phases
        self.switches_phases = switches
        self.permit = self.plugged = self.plugged_since_start = self.about_to_close = self.driving_f = False
        self.available = self.ev_ready = self.pwm_on = True
        self.ticks = self.late_ticks = self.offered_da = 0

    def withdraw(self):
        self.permit = False

    def unlock_again(self):
        """It has no bolt that stays."""

    def why_paused(self):
        return "" if self.energised else "Starting"

    def target_da(self):
        return self.limits.effective_da

    def allowed_da(self, *but):
        return self.limits.without(*but)

    def limit_source(self):
        return self.limits.ruling

    def limit_words(self):
        return self.limits.describe()

    def settle(self):
        may = self.permit and self.available and self.plugged and not self.blocked
        closed = may and self.ev_ready and self.limits.effective_da >= 60
        self.contactor.commanded = closed
        self.offered_da = self.limits.effective_da if closed else 0
        self.reading.stamp_ms = clock.ticks_ms()

    @property
    def energised(self):
        self.settle()
        return self.contactor.commanded


class Meter:
    def __init__(self, phases=1):
        self.reading = Reading(phases)
        self.reading.valid = True
        self.reading.v_mv = [230100, 229900, 231200]
        self.reading.i_ma = [15980, 0, 0]
        self.reading.p_mw = [3677123, 0, 0]
        self.reading.f_mhz = 50020
        self.reading.pf_milli = [998, 0, 0]
        self.total_wh = 1000
        self.unwritten_wh = 0  # what the register has counted and not yet written

    def reported_wh(self):
        return self.total_wh - self.unwritten_wh


class Link:
    """Answers with answer(action, payload), by default as a friendly back end does. `slow_ms`: action -> delay of a CALL."""

    def __init__(self):
        self.connected = True
        self.cuts = 0
        self.slow_ms = {}
        self.sent = []
        self.answers = {}
        self.transaction_id = 100

    async def call(self, action, payload, first=False):
        cuts = self.cuts
        if action in self.slow_ms:
            await clock.sleep_ms(self.slow_ms[action])
        if not self.connected or cuts != self.cuts:  # lost, also where another link is up meanwhile
            raise DisconnectedError(action)
        self.sent.append((action, payload))
        frames.note(2, action, payload)
        await clock.sleep_ms(0)
        answer = self.answers.get(action)
        if callable(answer):
            answer = answer(payload)
        if isinstance(answer, Exception):
            raise answer
        return self.friendly(action) if answer is None else answer

    def friendly(self, action):
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": clock.iso(clock.utc_s() or NOW), "interval": 300}
        if action == "Heartbeat":
            return {"currentTime": clock.iso(clock.utc_s() or NOW)}
        if action == "Authorize":
            return {"idTagInfo": {"status": "Accepted"}}
        if action == "StartTransaction":
            self.transaction_id += 1
            return {"transactionId": self.transaction_id, "idTagInfo": {"status": "Accepted"}}
        return {}

    def retry_now(self):
        """Nothing to hurry: the tests say when the link is up."""

    def drop(self, reason, at_once=False):
        self.connected = False

    async def close(self, timeout_ms):
        self.connected = False

    def of(self, action):
        """Payloads of all messages of one kind."""
        return [payload for name, payload in self.sent if name == action]

    def order(self):
        return [name for name, _ in self.sent]


class Rig:
    """`restarts` lists what the charge point asked of the board."""

    def __init__(self, connectors=1, factory=None, phases=1, utc=NOW, fresh=True, blocks=64, country=None,
                 switches=False):
        timebase.manual()
        _stop_tasks()
        clock._step_listeners.clear()
        if fresh:
            self.device = flashrig.fresh(blocks)
        self.factory = factory
        self.country = country
        self.events = []  # of the planner: (event, info)
        self.number = connectors
        self.phases = phases
        self.switches = switches  # between one and all phases
        self.meters = [Meter(phases) for _ in range(connectors)]
        self.restarts = []
        self.poll_ms = 50
        clock._zero_s = None
        if utc is not None:
            clock.set_utc(utc, "test")
        self.build()

    def build(self):
        self.files = flashrig.files()
        factory = dict(self.factory or {})
        factory["Country"] = self.country or "none"
        self.config = Configuration(self.files, factory)
        self.sessions = SessionStore(self.files)
        self.connectors = []
        for n in range(self.number):
            outlet = Outlet(n + 1, self.meters[n].reading, self.phases, self.switches)
            self.connectors.append(Connector(outlet, self.meters[n], self.sessions, self.config))
        self.link = Link()
        self.planner = None
        if self.country is not None:
            self.planner = Planner(self.connectors, self.config, self.files, lambda *event: self.events.append(event))
        self.cp = ChargePoint(
            self.config, self.files, self.connectors, self.sessions, self.restarts.append, planner=self.planner)
        cooperative.run_now(self.cp.loading())
        self.cp.attach(self.link)
        for connector in self.connectors:
            connector.listeners.append(self.cp)
            if self.planner is not None:
                connector.listeners.append(self.planner)

    async def start(self):
        for _, job in self.cp.tasks():
            _running.append(asyncio.create_task(job()))
        if self.planner is not None:
            _running.append(asyncio.create_task(self.plan()))
        _running.append(asyncio.create_task(self.poll()))
        self.cp.opened()

    async def plan(self):
        while True:
            self.planner.second()
            while any(lane.work is not None for lane in self.planner.lanes):
                self.planner.work()
            await clock.sleep_ms(1000)

    async def poll(self):
        while True:
            for connector in self.connectors:
                connector.outlet.settle()
                connector.poll()
            await clock.sleep_ms(self.poll_ms)

    async def online(self):
        """Start, and wait until the back end knows all."""
        await self.start()
        await self.until(lambda: len(self.link.of("StatusNotification")) > self.number)
        return self

    async def until(self, condition, ms=60000):
        """Wait for a condition; fail when it does not come true. Looks every 2 ms, after 5 s every 50, as the connectors do."""
        start = clock.ticks_ms()
        while not condition():
            waited_ms = clock.elapsed_ms(start)
            if waited_ms > ms:
                raise AssertionError("it does not happen; sent: %s" % self.link.sent[-6:])
            await clock.sleep_ms(2 if waited_ms < 5000 else 50)

    async def sent(self, action, count=1):
        """Wait until so many of a kind were sent; the last one."""
        await self.until(lambda: len(self.link.of(action)) >= count)
        return self.link.of(action)[-1]

    async def stop(self):
        """End all tasks."""
        _stop_tasks()
        await clock.sleep_ms(0)

    async def power_cut(self, utc=True):
        """Everything in RAM is gone; the flash stays. Without utc the clock is gone, too."""
        await self.stop()
        clock.boot_id += 1
        clock._step_listeners.clear()
        if not utc:
            clock._zero_s = None
        for connector in self.connectors:
            connector.outlet.permit = False
        self.build()

    async def offline(self):
        """The link is cut."""
        self.link.connected = False
        self.link.cuts += 1
        self.cp.closed()
        await clock.sleep_ms(1)

    async def reconnect(self):
        """The link is up again."""
        self.link.connected = True
        self.cp.opened()
        await clock.sleep_ms(1)

    async def handled(self, action, request):
        """Answer and follow-up of a CALL, waited for where it takes time."""
        result = self.cp.handle(action, request)
        return await result if hasattr(result, "send") else result

    async def call(self, action, **request):
        """A CALL of the back end: its answer, after its follow-up was started; an OcppError as it is."""
        result = await self.handled(action, request)
        if result is None:
            return None
        answer, follow_up = result
        if not isinstance(answer, dict):  # a listed.Answer
            answer = json.loads("".join(list(answer)))
        frames.note(3, action, answer)
        if follow_up is not None:
            running = follow_up()
            if hasattr(running, "send"):
                await running
        return answer

    async def seconds(self, count):
        """Let time pass."""
        await clock.sleep_ms(count * 1000)

    async def shows(self, status, number=1):
        """Wait until this is the last status sent of a connector."""
        await self.until(lambda: self.statuses(number)[-1:] == [status])

    def statuses(self, number=1):
        """The statuses sent of a connector, in order."""
        return [p["status"] for p in self.link.of("StatusNotification") if p["connectorId"] == number]

    async def plug(self, number=1, plugged=True):
        connector = self.connectors[number - 1]
        connector.outlet.plugged = plugged
        connector.poll()

    async def charge(self, number=1, tag="TAG00001"):
        """A car comes, a card is shown, and it charges."""
        await self.plug(number)
        connector = self.connectors[number - 1]
        self.cp.tag_shown(connector, tag)
        await self.until(lambda: connector.status == "Charging")
        return connector.session


async def reserve(rig, number=1, connector=1, tag="MINE", after_s=600, parent=None):
    """ReserveNow: its status."""
    request = {"connectorId": connector, "expiryDate": clock.iso(clock.utc_s() + after_s), "idTag": tag,
               "reservationId": number}  # fmt: skip
    if parent:
        request["parentIdTag"] = parent
    return (await rig.call("ReserveNow", **request))["status"]


async def swipe(rig, tag, number=1):
    """A card at a connector, and a second for what follows; the idTag of the connector's session."""
    connector = rig.connectors[number - 1]
    rig.cp.tag_shown(connector, tag)
    await rig.seconds(1)
    return connector.session.id_tag if connector.session else None


def id_tag_info(status, parent=None, expiry=None):
    """An answer with a verdict on an idTag."""
    fields = {"status": status}
    if parent:
        fields["parentIdTag"] = parent
    if expiry:
        fields["expiryDate"] = expiry
    return {"idTagInfo": fields}
