"""The maximum of the house's supply: the charger takes what the house leaves on each phase (UK-38).

A reading of the house counts the charger too, and is up to _SKEW_MS older than the charger's own meter. So what the house takes
besides lies between two bounds: the reading less the highest and less the lowest current of the charger in that time. The limit
is lowered when even the lower bound leaves less, at once, and raised when the upper one has left more for _RAISE_MS; below 6 A
the cars wait, and _RESUME_MS have to pass before they begin again. It is a limit that protects: no random delay (UK-36).
"""

from micropython import const

from charger import clock
from charger.outlet import limits

OLD_MS = const(10000)  # an older reading counts for nothing
_SKEW_MS = const(2500)
_SAMPLES = const(8)  # of the charger's own current within that time
_RAISE_MS = const(10000)
_RESUME_MS = const(180000)
_LEAST_DA = const(60)
_MORE_DA = const(10)  # above 6 A, for those that waited
_VALID_S = const(10)  # renewed each second (limits.py)


class HouseSupply:
    """The readings of the house and the limit that follows. step() is called each second; `lanes` are the planner's."""

    def __init__(self, lanes: list) -> None:
        self._lanes = lanes
        self.max_da = 0  # what the supply bears per phase, 0.1 A; 0: it limits nothing
        self.safe_da = 0  # what the charger may take while no reading is known
        self.amps_da: tuple = ()  # of the last reading, per phase; below 0: to the grid
        self.power_w = 0
        self._taken_ms: int | None = None
        self._least_da: tuple = ()  # what the house leaves a phase by the last reading, at the least and at the most
        self._most_da: tuple = ()
        self._own: list = []  # (uptime in ms, 0.1 A at the least and at the most a phase)
        self._more_ms: list = [None] * len(lanes)  # since when there is room for more, None while there is not

    def configure(self, max_da: int, safe_da: int) -> None:
        """The installer's limits, 0.1 A per phase; without a maximum none holds."""
        self.max_da = max_da
        self.safe_da = safe_da
        if max_da:
            self.step()
        else:
            for lane in self._lanes:
                lane.connector.outlet.limits.set("house", None)

    def take(self, amps_da: tuple, power_w: int) -> None:
        """A reading: one phase or three in 0.1 A, and the power in W; below 0 they flow to the grid. The limit follows."""
        self.amps_da = amps_da
        self.power_w = power_w
        self._taken_ms = clock.uptime_ms()
        self._sample()
        self._least_da, self._most_da = self._room(0), self._room(1)
        self.step()

    def age_of_reading_ms(self) -> int | None:
        """Age of the last reading, None before the first."""
        return None if self._taken_ms is None else clock.uptime_ms() - self._taken_ms

    def known(self) -> bool:
        """True while a reading counts."""
        old_ms = self.age_of_reading_ms()
        return old_ms is not None and old_ms < OLD_MS

    def step(self) -> None:
        """Work out the limit of each connector and set it."""
        self._sample()
        if not self.max_da:
            return
        lanes = self._lanes
        users = [lane for lane in lanes if lane.session is not None]
        users.sort(key=lambda lane: lane.session.local_id)
        least = most = (self.safe_da,) * 3
        if self.known():
            least, most = self._least_da, self._most_da
        lowest, highest = divide(users, least), divide(users, most)
        for n in range(len(lanes)):
            if lanes[n] in users:
                k = users.index(lanes[n])
                self._set(lanes[n], self._next(n, lowest[k], highest[k]))
            else:
                self._more_ms[n] = None
                self._set(lanes[n], divide([lanes[n]], least)[0])

    def _set(self, lane: Any, limit_da: int) -> None:
        limit_da = limit_da if limit_da >= _LEAST_DA else 0
        lane.connector.outlet.limits.set("house", limit_da, limits.SAFETY, _VALID_S)

    def _next(self, n: int, lowest_da: int, highest_da: int) -> int:
        """The limit that follows the one in force."""
        now_da = self._lanes[n].connector.outlet.limits.get("house")
        if now_da is None:
            return lowest_da
        if highest_da < now_da:
            self._more_ms[n] = None
            return highest_da
        if lowest_da <= now_da or (now_da == 0 and lowest_da < _LEAST_DA + _MORE_DA and self.known()):
            self._more_ms[n] = None
            return now_da
        since_ms = self._more_ms[n]
        now_ms = clock.uptime_ms()
        if since_ms is None:
            self._more_ms[n] = now_ms
        elif now_ms - since_ms >= (_RESUME_MS if now_da == 0 else _RAISE_MS):
            self._more_ms[n] = None
            return lowest_da
        return now_da

    # --- what the charger takes itself ---

    def _sample(self) -> None:
        """Note the charger's own current by the phases of the house; forget what no reading can be as old as."""
        low, high = [0, 0, 0], [0, 0, 0]
        for lane in self._lanes:
            outlet = lane.connector.outlet
            if outlet.energised:
                reading = outlet.reading
                usable = reading.usable()
                for k in range(outlet.phases):
                    phase = (outlet.rotation + k) % 3
                    low[phase] += reading.i_ma[k] // 100 if usable else 0
                    high[phase] += reading.i_ma[k] // 100 if usable else outlet.offered_da
        now_ms = clock.uptime_ms()
        self._own.append((now_ms, low, high))
        while now_ms - self._own[0][0] > _SKEW_MS or len(self._own) > _SAMPLES:
            self._own.pop(0)

    def _room(self, side: int) -> tuple:
        """The share of the current that the house leaves per phase: 0 at the least, 1 at the most."""
        room = []
        for phase in range(3):
            if side:
                own_da = max([high[phase] for _, _, high in self._own])
            else:
                own_da = min([low[phase] for _, low, _ in self._own])
            house_da = self.amps_da[phase] if phase < len(self.amps_da) else max(self.amps_da)
            room.append(max(0, self.max_da - house_da + own_da))
        return tuple(room)

    def report(self) -> dict:
        """The limit and the last reading as plain data."""
        old_ms = self.age_of_reading_ms()
        return {
            "max_amps": self.max_da / 10,
            "amps": [da / 10 for da in self.amps_da],
            "power_w": None if old_ms is None else self.power_w,
            "age_s": None if old_ms is None else old_ms // 1000,
            "known": self.known(),
        }


def divide(users: list, room_da: tuple) -> list:
    """Shares in 0.1 A of lanes in the order of their sessions, equal on each phase; who cannot have 6 A waits, the last first."""
    waiting = 0
    while True:
        active = users[: len(users) - waiting]
        loads = [0, 0, 0]
        for lane in active:
            for phase in phases_of(lane.connector.outlet):
                loads[phase] += 1
        shares = [min([room_da[phase] // loads[phase] for phase in phases_of(lane.connector.outlet)]) for lane in active]
        if len(active) <= 1 or min(shares) >= _LEAST_DA:
            return shares + [0] * waiting
        waiting += 1


def phases_of(outlet: Outlet) -> list:
    """The phases of the supply that an outlet loads, 0 to 2."""
    return [(outlet.rotation + k) % 3 for k in range(outlet.phases)]
