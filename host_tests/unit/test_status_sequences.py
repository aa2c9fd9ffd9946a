"""Random sequences of everything that changes a status, on 1 to 3 connectors (OCPP-80, and C.7 of docs/RULES.md).

Each StatusNotification at the back end is held against the table of 4.9, against what is true at that moment, and against
the one before it; each charging profile against the start that it came with; each limit against a new computation. In manual
time; the seed is in the failure.
"""

import os
import random

from check import equal, true
from ocpp_rig import Link, Rig

from charger import clock
from charger.errors import DisconnectedError, OcppError

HEAP = 32 * 1024 * 1024
SOAK = os.getenv("PILOTLIGHT_SOAK") == "1"
TIMEOUT = 3600  # with PILOTLIGHT_SOAK; else well below a minute
SEQUENCES, STEPS = (200, 100) if SOAK else (8, 60)  # of each of the two tests, for each word size: 20,000 steps

ORDER = ("Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "Unavailable", "Faulted")
CELLS = "A2 A3 A4 A5 A7 A8 A9 B1 B3 B4 B5 B6 B9 C1 C4 C5 C6 C8 C9 D1 D3 D5 D6 D8 D9 E1 E3 E4 E6 E8 E9 " \
    "F1 F2 F8 F9 G1 G2 G8 G9 H1 H2 H3 H4 H5 H9 I1 I2 I3 I4 I5 I6 I7 I8".split()  # fmt: skip
BUSY = ("Charging", "SuspendedEV", "SuspendedEVSE")


class Fault:
    CODE, INFO, FAULTED = "GroundFailure", "Residual current", True


class OtherFault:
    CODE, INFO, FAULTED = "OverVoltage", "Mains", True


class Diode:
    CODE, INFO, FAULTED = "EVCommunicationError", "No diode", False


class Board:
    CODE, INFO = "InternalError", "Board"


class Line(Link):
    """The back end's side: what arrives there, in order."""

    def __init__(self, sequence):
        super().__init__()
        self.sequence = sequence

    async def call(self, action, payload, first=False):
        if not self.connected:
            raise DisconnectedError(action)
        cuts = self.cuts
        answer = await super().call(action, payload)
        del self.sent[:]
        if not self.connected or cuts != self.cuts:
            raise DisconnectedError(action)
        if action == "StatusNotification":
            self.sequence.note(self.sequence.arrived, payload)
        return answer


class Sequence:
    """One charger, and what is known of it by whoever handles it."""

    def __init__(self, seed, least_s):
        self.rng = random
        random.seed(seed)
        self.least_s = least_s
        factory = {"ConnectionTimeOut": 10, "MinimumStatusDuration": least_s, "MaxChargingProfilesInstalled": 3,
                   "AllowOfflineTxForUnknownId": "true", "AuthorizeRemoteTxRequests": random.choice(("true", "false")),
                   "UnlockConnectorOnEVSideDisconnect": random.choice(("true", "false"))}  # fmt: skip
        self.rig = Rig(random.randint(1, 3), factory=factory)
        self.rig.poll_ms = 100
        self.out = set()  # ids that the back end wants out of service
        self.last = {}  # connector id -> the notification that the back end had last, of this connection
        self.triggered = []  # connector ids of which a status was triggered: it may be told again
        self.slow_ms = random.choice((0, 0, 900, 4000))  # of the back end's answers
        self.count = 0
        self.starts = 0
        self.carded = set()  # numbers of remote starts whose card was shown, too
        self.problem = None
        self.stepped = False  # the clock was set, so that stamps do not compare
        self.attach()

    def attach(self):
        self.history = [[(clock.now_iso(), connector.status)] for connector in self.rig.connectors]
        self.rig.link = Line(self)
        self.rig.link.slow_ms["StatusNotification"] = self.slow_ms
        self.rig.cp.attach(self.rig.link)
        status = self.rig.cp.status
        post = status._send
        status._missed_again = of_an_outage = status._missed_again  # one object, to be known by

        def send(notification, failed, triggered=False):
            if failed not in (None, of_an_outage) and not self.least_s and not triggered:
                self.note(self.check_truth, notification)
            post(notification, failed, triggered)

        status._send = send
        for connector in self.rig.connectors:
            connector.listeners.append(self)

    # --- what is checked ---

    def note(self, check, about):
        """The first failure of a check ends the sequence: a task that fails by itself is not heard of."""
        try:
            check(about)
        except AssertionError as error:
            self.problem = self.problem or str(error)

    def arrived(self, notification):
        """In the order of the table, and none twice."""
        self.count += 1
        number, status = notification["connectorId"], notification["status"]
        before = self.last.get(number)
        self.last[number] = notification
        if number and not self.stepped:
            self.check_stamp(notification)
        if before is None:
            return
        old = before["status"]
        if old == status:
            same = before["errorCode"] == notification["errorCode"]
            same = same and (notification["errorCode"] == "NoError" or before.get("info") == notification.get("info"))
            if same and number in self.triggered:
                self.triggered.remove(number)
            else:
                true(not same, "twice: %s" % notification)
        elif number:
            cell = "ABCDEFGHI"[ORDER.index(old)] + str(ORDER.index(status) + 1)
            true(cell in CELLS, "connector %d: %s to %s is not in the table" % (number, old, status))

    def check_stamp(self, notification):
        """The status was that of the connector at its time stamp."""
        stamp = notification["timestamp"]
        history = self.history[notification["connectorId"] - 1]
        shown = [status for moment, status in history if moment < stamp][-1:]  # until a change in that very millisecond
        shown += [status for moment, status in history if moment == stamp]
        true(notification["status"] in shown, "not so at its time stamp: %s, but %s" % (notification, history[-4:]))

    def check_limits(self, _about=None):
        """Limits are those of now or of a second ago, and each TxProfile belongs to the session of its connector."""
        if not self.rig.cp.has("profiles"):
            return
        service = self.rig.cp.smart_charging()
        now = service._now()
        limits = [connector.outlet.limits.get("csms") for connector in self.rig.connectors]
        wanted = [service.plan.at(moment)[0] for moment in (now, now - 1)]
        true(limits in wanted, "limits %s, and not one of %s" % (limits, wanted))
        for profile in service._profiles:
            if profile.purpose == "TxProfile":
                session = self.rig.connectors[profile.connector_id - 1].session
                true(session is not None and session.local_id == profile.session_id, "profile %d of no session" % profile.id)

    def check_truth(self, notification):
        number, status = notification["connectorId"], notification["status"]
        if number == 0:
            broken = any(connector.outlet.board_guard is not None for connector in self.rig.connectors)
            busy = any(c.session is not None and c.id in self.out for c in self.rig.connectors)
            wanted = "Faulted" if broken else "Unavailable" if 0 in self.out and not busy else "Available"
            equal(status, wanted, "connector 0")
            return
        connector = self.rig.connectors[number - 1]
        outlet = connector.outlet
        broken = outlet.fault is not None and outlet.fault.FAULTED
        running = connector.session is not None
        there = outlet.plugged or connector.held_for is not None
        facts = {
            "Faulted": broken,
            "Charging": running and (connector.stopping or outlet.energised),
            # until a session that is ending has ended, what was stays
            "SuspendedEV": running and (connector.stopping or (not outlet.energised and not outlet.ev_ready)),
            "SuspendedEVSE": running and (connector.stopping or not outlet.energised),
            "Unavailable": not running and number in self.out,
            "Available": not running and not there and number not in self.out and connector.pending is None,
            "Preparing": number not in self.out and (there or connector.pending is not None),
            "Finishing": not running and self.rig.cp.status._reported.get(number, ("",))[0] not in ("Available", "Reserved"),
            "Reserved": not running and connector.pending is None and self.reserved(number),
        }
        true(facts[status] and (broken == (status == "Faulted")), "untrue: %s, plugged %s, session %s, fault %s, out %s" % (
            notification, outlet.plugged, connector.session, outlet.fault, self.out))  # fmt: skip

    def reserved(self, number):
        return any(r[1] in (0, number) for r in self.rig.files.read_json("ocpp_reservations.json", []))

    def status_changed(self, connector):
        self.history[connector.id - 1].append((clock.now_iso(), connector.status))

    def session_started(self, session):
        self.note(self.check_profile, session)

    def check_profile(self, session):
        tag = session.id_tag
        profiles = [p for p in (self.rig.cp.smart_charging()._profiles if self.rig.cp.has("profiles") else ())
                    if p.purpose == "TxProfile" and p.connector_id == session.connector_id]  # fmt: skip
        if tag.startswith("R"):
            number = int(tag[1:])
            with_it = [number] if number % 2 else []
            if number not in self.carded:
                equal([p.id for p in profiles], with_it, "the profile of its own start")
            true(len(profiles) == 0 or [p.id for p in profiles] == with_it)
        else:
            equal([p.id for p in profiles], [], "a profile of somebody else's start")

    def session_ended(self, session):
        pass

    # --- what happens ---

    async def call(self, action, **request):
        if self.rig.link.connected and self.rig.cp.boot.accepted:
            try:
                return (await self.rig.call(action, **request)).get("status")
            except OcppError:
                return None
        return None

    def any(self):
        return random.choice(self.rig.connectors)

    async def plug(self):
        connector = self.any()
        connector.outlet.ev_ready = random.random() < 0.8
        await self.rig.plug(connector.id, not connector.outlet.plugged)

    async def card(self):
        tag = random.choice(("A", "B", "C"))
        if self.starts and random.random() < 0.3:
            self.carded.add(self.starts)
            tag = "R%d" % self.starts
        self.rig.cp.tag_shown(self.any(), tag)

    async def remote_start(self):
        self.starts += 1
        request = {"idTag": "R%d" % self.starts}
        if random.random() < 0.8:
            request["connectorId"] = self.any().id
        if self.starts % 2:
            request["chargingProfile"] = {
                "chargingProfileId": self.starts, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Relative", "chargingSchedule": {
                    "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6 + self.starts % 20}]},
            }  # fmt: skip
        await self.call("RemoteStartTransaction", **request)

    async def remote_stop(self):
        session = self.any().session
        if session is not None and session.transaction_id is not None:
            await self.call("RemoteStopTransaction", transactionId=session.transaction_id)

    async def default_profile(self):
        await self.call("SetChargingProfile", connectorId=random.randint(0, self.rig.number), csChargingProfiles={
            "chargingProfileId": 1000 + random.randint(0, 2), "stackLevel": random.randint(0, 2),
            "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative", "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": random.choice((5, 16))}]},
        })  # fmt: skip
        await self.call("ClearChargingProfile", id=1000 + random.randint(0, 2))

    async def tx_profile(self):
        connector = self.any()
        starts = clock.utc_s() - random.randint(0, 400)
        periods = [{"startPeriod": 0, "limit": 8}, {"startPeriod": random.randint(1, 600), "limit": 20}]
        await self.call("SetChargingProfile", connectorId=connector.id, csChargingProfiles={
            "chargingProfileId": 2000 + connector.id, "stackLevel": 1, "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": random.choice(("Absolute", "Relative")), "chargingSchedule": {
                "chargingRateUnit": "A", "startSchedule": clock.iso(starts), "chargingSchedulePeriod": periods},
        })  # fmt: skip

    async def trigger(self):
        number = random.randint(0, self.rig.number)
        if await self.call("TriggerMessage", requestedMessage="StatusNotification", connectorId=number) == "Accepted":
            self.triggered.append(number)

    async def set_clock(self):
        self.stepped = True
        clock.set_utc(clock.utc_s() + random.randint(-500, 500), "test")

    async def fault(self):
        outlet = self.any().outlet
        outlet.fault = random.choice((Fault, OtherFault, Diode)) if outlet.fault is None else None
        outlet.blocked = outlet.fault is not None

    async def board_fault(self):
        outlet = self.any().outlet
        outlet.board_guard = Board if outlet.board_guard is None else None

    async def availability(self):
        number = random.randint(0, self.rig.number)
        operative = random.random() < 0.6
        if not (self.rig.link.connected and self.rig.cp.boot.accepted):
            return
        ids = range(self.rig.number + 1) if number == 0 else (number,)
        if operative:
            self.out.discard(0)
        for one in ids:
            if operative:
                self.out.discard(one)
            else:
                self.out.add(one)
        busy = [c for c in self.rig.connectors if c.id in ids and c.id in self.out and c.session is not None]
        answer = await self.call("ChangeAvailability", connectorId=number, type="Operative" if operative else "Inoperative")
        equal(answer, "Scheduled" if busy else "Accepted")

    async def reserve(self):
        request = {"connectorId": random.randint(0, self.rig.number), "idTag": random.choice(("A", "B")),
                   "expiryDate": clock.iso(clock.utc_s() + random.choice((3, 30, 300))),
                   "reservationId": random.randint(1, 3)}  # fmt: skip
        await self.call("ReserveNow", **request)

    async def cancel(self):
        await self.call("CancelReservation", reservationId=random.randint(1, 3))

    async def pause(self):
        outlet = self.any().outlet
        if random.random() < 0.5:
            outlet.ev_ready = not outlet.ev_ready
        else:
            outlet.limits.set("hours", 0 if outlet.limits.get("hours") is None else None)

    async def release(self):
        self.any().release_cable()

    async def cut_link(self):
        await self.rig.offline()
        self.last = {}

    async def reset(self):
        await self.call("Reset", type=random.choice(("Soft", "Hard")))
        if self.rig.cp.has("reset"):
            await self.rig.until(lambda: self.rig.restarts, 120000)
            self.rig.restarts.clear()
            await self.cut_power()

    async def cut_power(self):
        before = [(c.outlet.plugged, c.outlet.fault, c.outlet.ev_ready, c.outlet.board_guard) for c in self.rig.connectors]
        self.last = {}
        await self.rig.power_cut()
        for connector, (plugged, fault, ev_ready, guard) in zip(self.rig.connectors, before):
            outlet = connector.outlet
            outlet.plugged, outlet.fault, outlet.ev_ready, outlet.board_guard = plugged, fault, ev_ready, guard
            outlet.blocked = fault is not None
        self.attach()
        await self.rig.start()

    async def run(self, steps):
        await self.rig.start()
        happenings = (
            [self.plug] * 6 + [self.card] * 4 + [self.remote_start] * 4 + [self.remote_stop] * 2 + [self.fault] * 3
            + [self.pause] * 2 + [self.availability] * 3 + [self.reserve] * 3 + [self.cancel, self.board_fault]
            + [self.release, self.default_profile, self.tx_profile, self.trigger, self.cut_link, self.cut_power, self.reset]
        )
        if random.random() < 0.3:
            happenings += [self.set_clock]
        for _ in range(steps):
            if not self.rig.link.connected and random.random() < 0.5:
                await self.rig.reconnect()
            await random.choice(happenings)()
            pause_ms = random.choice((0, 1, 50, 300, 3000, 12000))
            await clock.sleep_ms(pause_ms)
            if pause_ms >= 3000:
                self.note(self.check_limits, None)
            true(self.problem is None, self.problem)
        await self.rig.stop()


async def _sequences(first, least_s):
    told = 0
    for seed in range(first, first + SEQUENCES):
        sequence = Sequence(seed, least_s)
        try:
            await sequence.run(STEPS)
        except Exception as error:
            print("seed", seed)
            raise error
        told += sequence.count
    true(told > SEQUENCES * STEPS // 4, "%d notifications: too dull a life" % told)


async def test_every_status_is_in_the_table_true_and_told_once():
    await _sequences(1, 0)


async def test_so_it_is_where_short_ones_are_left_out():
    await _sequences(1001, 2)
