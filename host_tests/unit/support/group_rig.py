"""Units of a group with cars, on a network that loses, delays and repeats messages; time passes in seconds.

A car follows a lower offer after 5 s, the longest that CP-22 allows, and a higher one at once.
"""

import random

from charger.grid.charger_group import ChargerGroup
from charger.grid.load_sharing import SharedSupply
from charger.net.group_link import opened, seal
from charger.outlet.limits import NO_LIMIT, Limits
from sim import timebase

KEY = b"a key of sixteen"
_FOLLOW_S, _SIGNALLED_S = 5, 7
_RECORDED = 100


class Outlet:
    """An outlet as a unit's SharedSupply sees it, with its car."""

    def __init__(self):
        self.limits = Limits(320)
        self.phases = 1
        self.plugged = self.permit = False
        self.available = True
        self.blocked = False
        self.offers = [0] * (_SIGNALLED_S + 1)  # of the last seconds, the newest last

    @property
    def offered_da(self):
        return self.offers[-1]

    @property
    def signalled_da(self):
        return max(self.offers)

    @property
    def drawn_da(self):
        """The current that the car draws: as much as it was offered in the seconds within which it follows."""
        return max(self.offers[-_FOLLOW_S:])

    def second(self):
        da = self.limits.effective_da
        self.offers.pop(0)
        self.offers.append(da if self.plugged and da >= 60 else 0)

    def plug(self, plugged=True):
        self.plugged = self.permit = plugged
        if not plugged:
            self.offers = [0] * len(self.offers)


class Link:
    """A unit's place in the network."""

    fault = ""

    def __init__(self, key):
        self.key = key
        self.sent = []
        self.arrived = []

    def send(self, body):
        self.sent.append(seal(self.key, body))

    def receive(self):
        return (opened(self.key, self.arrived.pop(0)) or b"") if self.arrived else None


class Unit:
    """`group` is None while it has no power."""

    def __init__(self, serial, fuse_da, units, key=KEY):
        self.made = (serial, fuse_da, units)
        self.key = key
        self.link = Link(key)
        self.outlet = Outlet()
        self.group = None
        self.start()

    def start(self):
        serial, fuse_da, units = self.made
        self.link = Link(self.key)
        self.outlet.limits = Limits(320)
        self.supply = SharedSupply([self.outlet], [0], NO_LIMIT)
        self.group = ChargerGroup(serial, self.supply, self.link, fuse_da, units)

    def stop(self):
        """The power is cut."""
        self.group = None
        self.outlet.offers = [0] * len(self.outlet.offers)

    def second(self):
        if self.group is not None:
            while self.link.arrived and self.group._link is not None:
                self.group.poll()
            self.group.second()
            self.supply.share()
            self.outlet.second()


class Site:
    """`units`, `deaf`: pairs (from, to) of numbers between which nothing passes; `loss`: share of messages that are lost."""

    def __init__(self, count, fuse_da=320, configured=None):
        timebase.manual()
        self.fuse_da = fuse_da
        self.units = [Unit("CP%04d" % n, fuse_da, configured or count) for n in range(count)]
        self.deaf = set()
        self.loss = 0.0
        self.delay_s = 0
        self.replayed = 0.0
        self.record = []
        self.late = []  # (second, to, datagram)
        self.now = 0
        self.worst_da = 0

    def seconds(self, count):
        for _ in range(count):
            self.second()

    def second(self):
        self.now += 1
        timebase.advance(1000)
        order = list(range(len(self.units)))
        for at in range(len(order) - 1, 0, -1):
            other = random.randrange(at + 1)
            order[at], order[other] = order[other], order[at]
        for n in order:
            self.units[n].second()
            self._deliver(n)
        drawn_da = sum([unit.outlet.drawn_da for unit in self.units])
        self.worst_da = max(self.worst_da, drawn_da)

    def _deliver(self, sender):
        sent, self.units[sender].link.sent = self.units[sender].link.sent, []
        for datagram in sent:
            if len(self.record) < _RECORDED:
                self.record.append(datagram)
            else:
                self.record[random.randrange(_RECORDED)] = datagram
            for n in range(len(self.units)):
                if (sender, n) not in self.deaf and random.random() >= self.loss:
                    self.late.append((self.now + random.randint(0, self.delay_s), n, datagram))
        if self.record and random.random() < self.replayed:
            self.late.append((self.now, random.randrange(len(self.units)), random.choice(self.record)))
        waiting = []
        for due, n, datagram in self.late:
            if due > self.now:
                waiting.append((due, n, datagram))
            elif self.units[n].group is not None:
                self.units[n].link.arrived.append(datagram)
        self.late = waiting

    def until(self, condition, most_s=300):
        """Let time pass until a condition holds; the seconds that it took."""
        for second in range(most_s):
            if condition():
                return second
            self.second()
        raise AssertionError("it does not happen: %s" % [unit.group and unit.group.report() for unit in self.units])

    def leader(self):
        """The number of the unit that all that have power name, None while they do not agree."""
        named = {unit.group.report()["leader"] for unit in self.units if unit.group is not None}
        return int(min(named)[2:]) if len(named) == 1 and None not in named else None

    def offers(self):
        return [unit.outlet.offered_da for unit in self.units]
