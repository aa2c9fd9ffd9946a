"""One supply shared by several outlets: the sum per phase never exceeds what the supply bears (CP-53).

An outlet wired L2-L3-L1 loads L2 with its first phase: `rotation` is 0 for L1-L2-L3, 1 for L2-L3-L1, 2 for L3-L1-L2.
A share is lowered at once; another is raised only when every car that had to give way has had its 5 s (CP-22) and the
sum of what all cars may still draw leaves room.
"""

from micropython import const

from charger.outlet import limits

_MINIMUM_DA = const(60)
_VALID_S = const(10)  # shares are renewed each second; after so long the supply counts as unmonitored (limits.py)


class SharedSupply:
    """Call share() about once a second. `limit_da` is what the supply bears per phase, 0.1 A."""

    def __init__(self, outlets: list, rotations: list, limit_da: int):
        self._outlets = outlets
        self._rotations = rotations
        self.limit_da = limit_da  # an input: grid/charger_group.py changes it where several units share one fuse
        for outlet in outlets:
            self._set_share(outlet, 0)

    def share(self) -> None:
        """Work out the shares, lower what must be lowered, raise what fits."""
        wanted = self._shares()
        outlets = self._outlets
        for n in range(len(outlets)):
            self._set_share(outlets[n], min(wanted[n], outlets[n].limits.get("supply")))
        for n in range(len(outlets)):
            if wanted[n] > outlets[n].limits.get("supply") and self._fits(n, wanted[n]):
                self._set_share(outlets[n], wanted[n])

    def wanted_da(self) -> int:
        """The current that the cars which need some could take together of the most loaded phase, 0.1 A."""
        outlets = self._outlets
        return self._most_loaded([self._cap(n) if self._needs_current(outlets[n]) else 0 for n in range(len(outlets))])

    def held_da(self) -> int:
        """The current that all cars may take of the most loaded phase now: shares, and offers that they may still follow."""
        outlets = self._outlets
        return self._most_loaded([max(self._may_draw(n), outlets[n].limits.get("supply")) for n in range(len(outlets))])

    def _most_loaded(self, currents: list) -> int:
        load = [0, 0, 0]
        for n in range(len(currents)):
            for phase in self._phases(n):
                load[phase] += currents[n]
        return max(load)

    def _set_share(self, outlet: Outlet, share_da: int) -> None:
        outlet.limits.set("supply", share_da, limits.SAFETY, _VALID_S)

    def _shares(self) -> list:
        """Equal shares of the most loaded phase; who cannot have 6 A waits, the later ones first."""
        asking = [n for n in range(len(self._outlets)) if self._needs_current(self._outlets[n])]
        shares = [0] * len(self._outlets)
        while asking:
            trial = self._divide(asking)
            if min(trial) >= _MINIMUM_DA:
                for k in range(len(asking)):
                    shares[asking[k]] = trial[k]
                break
            asking.pop()
        return shares

    def _needs_current(self, outlet: Outlet) -> bool:
        # Not by `fault`: a mere warning, such as a broken card reader, is one too and takes no energy away (OCPP-83).
        return outlet.plugged and outlet.permit and outlet.available and not outlet.blocked

    def _divide(self, asking: list) -> list:
        """Max-min fair: raise all shares together, stop each at its own limit or at a full phase."""
        room = [self.limit_da] * 3
        result = [0] * len(asking)
        growing = list(range(len(asking)))
        while growing:
            load = [0, 0, 0]
            for k in growing:
                for phase in self._phases(asking[k]):
                    load[phase] += 1
            step = min([room[p] // load[p] for p in range(3) if load[p]])
            step = min([step] + [self._cap(asking[k]) - result[k] for k in growing])
            for k in growing:
                result[k] += step
                for phase in self._phases(asking[k]):
                    room[phase] -= step
            growing = [
                k for k in growing
                if result[k] < self._cap(asking[k])
                and min([room[p] // max(1, load[p]) for p in self._phases(asking[k])]) > 0
            ]
        return result

    def _cap(self, n: int) -> int:
        return max(0, self._outlets[n].limits.without("supply"))

    def _phases(self, n: int) -> list:
        """The supply's phases that outlet n loads."""
        return [(self._rotations[n] + k) % 3 for k in range(self._outlets[n].phases)]

    def _may_draw(self, n: int) -> int:
        """The current that the car at outlet n may draw: its offer now, and that of the last seconds, which it may still follow.

        Neither an open contactor nor a PWM that is off just now change that: both may be over before these seconds are.
        """
        outlet = self._outlets[n]
        return max(outlet.signalled_da, outlet.offered_da)

    def _fits(self, n: int, share_da: int) -> bool:
        """True when on each phase the share and what all others may draw or have been given stay within the limit."""
        for phase in self._phases(n):
            total = share_da
            for other in range(len(self._outlets)):
                if other != n and phase in self._phases(other):
                    total += max(self._may_draw(other), self._outlets[other].limits.get("supply"))
            if total > self.limit_da:
                return False
        return True
