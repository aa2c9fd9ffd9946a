"""The grid operator asks for less power, by a signal input or over OCPP (Germany: section 14a EnWG)."""

from micropython import const

from charger import log
from charger.grid.lane import Lane
from charger.outlet import limits

_LEAST_DA = const(60)


class OperatorReduction:
    """Divide what is left among the running sessions. second() is called each second; its limit protects: no override ends it."""

    def __init__(self, lanes: list, config: Configuration, power_w: int, signal: Callable | None) -> None:
        """power_w: what the unit may take while it is asked for; signal(): 1 while the input asks, None without the input."""
        self.signal = signal
        self._lanes = lanes
        self._config = config
        self._power_w = power_w
        self._reduced = False

    def second(self) -> None:
        """Follow the signal and the key GridReduction; of more sessions than 6 A each are left for, the later ones wait."""
        reduced = self._config.get_bool("GridReduction") or (self.signal is not None and bool(self.signal()))
        if reduced != self._reduced:
            self._reduced = reduced
            log.info("planner", "the grid operator's reduction %s" % ("begins" if reduced else "ends"))
        if not (reduced or any(lane.connector.outlet.limits.get("grid") is not None for lane in self._lanes)):
            return
        users = [lane for lane in self._lanes if lane.session is not None]
        users.sort(key=Lane.session_number)
        phases = max([lane.connector.outlet.phases for lane in self._lanes])
        per_phase_da = self._power_w * 10 // (self._config.supply_volts * phases)
        while len(users) > 1 and per_phase_da < _LEAST_DA * len(users):
            users.pop()
        for lane in self._lanes:
            share_da = per_phase_da // max(1, len(users)) if lane in users or lane.session is None else 0
            lane.connector.outlet.limits.set("grid", share_da if reduced else None, limits.SAFETY)
