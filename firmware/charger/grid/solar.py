"""Charging by the surplus of the house's own generation: what would else flow to the grid, by the readings of the house.

SolarMode "surplus" charges by it alone: it begins when the surplus has been SolarStartPower for _START_S, and ends when it has
not been enough for 6 A for _STOP_S. It stays on and off for _LEAST_S at least, and between two beginnings lie at least _CYCLE_S,
so that the contactor moves at most six times an hour. "minimum" never ends: at least 6 A. In between the current follows each
reading, the mean of a few.

An outlet that switches its phases (CP-51) uses one of them while the surplus is not enough for 6 A on all, where its session is
the only one. A change to fewer ends no surplus and counts as a beginning, so the contactor moves at most nine times an hour.
"""

from micropython import const

from charger import clock
from charger.grid.lane import Lane

OFF, SURPLUS, MINIMUM = "off", "surplus", "minimum"
_START_S, _STOP_S = const(60), const(120)
_LEAST_S = const(300)
_CYCLE_S = const(1500)
_LEAST_DA = const(60)
_STEP_DA = const(5)  # smaller changes of the current are not followed
_MEAN = const(4)
_MORE_S = const(300)  # so long the surplus has been enough for all phases before one becomes all
_LOADED_MA = const(4000)  # a car at this current on the first phase and below _UNLOADED_MA on the others uses one phase
_UNLOADED_MA = const(1000)
_SEEN_S = const(10)  # for so long: a car that begins, and a meter that reads one phase after another, look so for a moment


class SolarSurplus:
    """The unit's state. step() is called each second and gives each lane what its car may take."""

    def __init__(self, lanes: list, volts: int) -> None:
        self._lanes = lanes
        self._volts = volts
        self.mode = SURPLUS
        self.start_w = 0
        self.running = False
        self.available_w: int | None = None  # mean of the last readings; None without any
        self._began_s: int | None = None  # uptime of the last beginning
        self._changed_s: int | None = None  # uptime of the last beginning or end
        self._since_s: int | None = None  # since when the surplus says that it should begin or end
        self._given_da = 0
        self._phases = 0  # that the surplus is divided by, 0 without a session
        self._switches = False  # their number follows the surplus
        self._phases_since_s: int | None = None  # since when the surplus is for another number of them
        self._single = 0  # number of the session whose car has shown that it uses one phase
        self._seen = 0  # seconds for which it has looked so

    def configure(self, mode: str, start_w: int) -> None:
        """The owner's choice; "off" leaves the current alone from now on."""
        self.mode = mode
        self.start_w = start_w
        if mode == OFF:
            for lane in self._lanes:
                lane.solar_da = lane.solar_phases = None

    def take(self, grid_w: int) -> None:
        """A reading: what the house takes from the grid, below 0 to it."""
        surplus_w = -grid_w
        for lane in self._lanes:
            outlet = lane.connector.outlet
            if outlet.energised and outlet.reading.usable():
                surplus_w += outlet.reading.total_mw() // 1000
        mean_w = self.available_w
        self.available_w = surplus_w if mean_w is None else mean_w + (surplus_w - mean_w) // _MEAN

    def step(self, known: bool) -> None:
        """Divide the surplus among the lanes with a session, the later ones wait; `known`: the last reading counts."""
        if not known:
            self.available_w = None
        users = [lane for lane in self._lanes if lane.session is not None]
        users.sort(key=Lane.session_number)
        if not users:
            self.running = False
            self._since_s = None
            self._phases = 0
            self._switches = False
        total_da = self._current_da(users[0], len(users) == 1) if users else 0
        while len(users) > 1 and total_da < _LEAST_DA * len(users):
            users.pop()
        for lane in self._lanes:
            lane.solar_da = total_da // len(users) if lane in users else 0
            lane.solar_phases = self._phases if self._switches and (self.running or self.mode == MINIMUM) else None

    def _current_da(self, lane: Lane, alone: bool) -> int:
        """The current of all cars together, 0.1 A of each phase, 0 for none; `lane` is that of the first."""
        used = self._used(lane)
        self._switches = alone and used > 1 and lane.connector.outlet.switches_phases
        if self._switches:
            self._choose_phases(used, clock.uptime_s())
        else:
            self._phases = used
        available_da = self._available_da(self._phases)
        if self.mode == MINIMUM:
            return self._followed(max(_LEAST_DA, available_da))
        if self.running:
            turn = self._available_da(1 if self._switches else used) < _LEAST_DA
        else:
            turn = available_da >= max(_LEAST_DA, self.start_w * 10 // (self._volts * self._phases))
        self._turn(clock.uptime_s(), turn)
        return self._followed(max(_LEAST_DA, available_da)) if self.running else 0

    def _available_da(self, phases: int) -> int:
        return max(0, (self.available_w or 0) * 10 // (self._volts * phases))

    def _used(self, lane: Lane) -> int:
        """The phases that the car of a lane uses: all of the outlet until it has shown that it uses one."""
        outlet = lane.connector.outlet
        number = lane.session_number()
        if outlet.energised and outlet.phases > 1 and outlet.reading.usable() and outlet.reading.phases > 1:
            first_ma, others_ma = outlet.reading.i_ma[0], max(outlet.reading.i_ma[1:])
            if others_ma >= _LOADED_MA:
                self._single = 0
            self._seen = self._seen + 1 if first_ma >= _LOADED_MA and others_ma < _UNLOADED_MA else 0
            if self._seen >= _SEEN_S:
                self._single = number
        return 1 if self._single == number else outlet.most_phases

    def _choose_phases(self, most: int, now_s: int) -> None:
        """Change to `most`, the phases that the car uses, when the surplus is enough for them, else to one."""
        enough = most if self._available_da(most) >= _LEAST_DA else 1
        if enough == self._phases:
            self._phases_since_s = None
            return
        if self._phases and (self.running or self.mode == MINIMUM):
            if self._phases_since_s is None:
                self._phases_since_s = now_s
            more = enough > self._phases
            if now_s - self._phases_since_s < (_MORE_S if more else _STOP_S):
                return
            since_s = self._began_s if more else self._changed_s
            if since_s is not None and now_s - since_s < (_CYCLE_S if more else _LEAST_S):
                return
            self._began_s = self._changed_s = now_s
        self._phases = enough
        self._phases_since_s = None

    def _turn(self, now_s: int, turn: bool) -> None:
        """Begin or end when the surplus has asked for it long enough and the last change is long enough ago."""
        if not turn:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < (_STOP_S if self.running else _START_S):
            return
        if self._changed_s is not None and now_s - self._changed_s < _LEAST_S:
            return
        if not self.running:
            if self._began_s is not None and now_s - self._began_s < _CYCLE_S:
                return
            self._began_s = now_s
        self.running = not self.running
        self._changed_s = now_s
        self._since_s = None

    def _followed(self, da: int) -> int:
        if abs(da - self._given_da) >= _STEP_DA or da == _LEAST_DA:
            self._given_da = da
        return self._given_da

    def report(self) -> dict:
        """Mode and state as plain data."""
        return {"mode": self.mode, "running": self.running or self.mode == MINIMUM, "available_w": self.available_w}
