"""The steps of the end-of-line test, in their order, on a test bench. Each adds rows: what was measured, and its limits."""

from dataclasses import asdict, dataclass, field

from hil.bench import Bench, BenchError, NotPlayable

from . import limits

CARD = "EOL00001"
_CABLE_DA = 320  # of the jig's default cable
_SETTLE_S = 6  # a car has 5 s to follow a new duty


@dataclass
class Row:
    """One measurement. low and high are the limits; None: that side has none. `note` says why there is no value."""

    name: str
    value: float | bool | str | None
    low: float | bool | str | None = None
    high: float | bool | str | None = None
    unit: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """True when the value is there and within its limits; texts and truths have to be `low`."""
        if self.value is None:
            return False
        if isinstance(self.value, bool | str):
            return self.value == self.low
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


@dataclass
class Result:
    """All rows of a unit, and the parts that its board does not have."""

    facts: dict = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True when there are rows and each is within its limits."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    def plain(self) -> dict:
        """The report as plain data."""
        rows = [{**asdict(row), "passed": row.passed} for row in self.rows]
        return {"passed": self.passed, "unit": self.facts, "left_out": self.left_out, "rows": rows}


class Test:
    """Runs the steps. `reference(phases)` returns [(mV, mA, mW)] of the reference meter, a phase each, while a load is on."""

    __test__ = False  # no test of pytest's

    def __init__(self, bench: Bench, firmware: str, network: str | None, reference) -> None:
        self.bench = bench
        self.firmware = firmware
        self.network = network
        self.reference = reference
        self.result = Result()

    def run(self) -> Result:
        """All steps; one that cannot be done is a failed row. The plug is free and the outlet dead afterwards."""
        self.result.facts = self.bench.ask("facts()")
        try:
            for step in (self.identity, self.sensors, self.pilot, self.session, self.residual_current, self.wifi):
                self._step(step)
        finally:
            self.bench.command("plug_out")
        return self.result

    def _step(self, step) -> None:
        name = step.__name__.replace("_", " ")
        try:
            step()
        except NotPlayable as part:
            self.result.left_out.append(f"{name}: {part}")
        except BenchError as error:
            self._add(Row(name, None, note=str(error).splitlines()[0][:200]))

    def _add(self, row: Row) -> bool:
        self.result.rows.append(row)
        return row.passed

    # --- steps ---

    def identity(self) -> None:
        """The firmware is the one to be sold, every meter is calibrated, and the console is still open."""
        facts = self.result.facts
        self._add(Row("firmware", facts["firmware"], self.firmware))
        self._add(Row("meters calibrated", all(facts["calibrated"]), True))
        self._add(Row("provisioned", facts["provisioned"], False))

    def sensors(self) -> None:
        """The thermometer."""
        value = self.bench.ask("sensors()")["temperature_dc"]
        if value is None:
            raise NotPlayable("the outlet has no thermometer")
        self._add(Row("temperature", value / 10, *(bound / 10 for bound in limits.TEMPERATURE_DC), "degC"))

    def _level(self, state: dict, name: str, plateau: str = "high_mv") -> None:
        self._add(Row(f"pilot {name}", state[plateau], *limits.PILOT_MV[name], "mV"))

    def pilot(self) -> None:
        """Levels without a car and with one that does not ask; no mains in either."""
        self.bench.command("plug_out")
        # Not by chance while the unit tests its own generator, with steady -12 V.
        state = self.bench.wait(lambda s: s["duty_permille"] == limits.STEADY_PERMILLE, 10, "a steady pilot")
        self._level(state, "A")
        self._add(Row("duty without a car", state["duty_permille"], *[limits.STEADY_PERMILLE] * 2, "permille"))
        self.bench.wait_status("Available")
        self.bench.command("plug_in_idle")
        state = self.bench.wait_status("Preparing")
        self._level(state, "B")
        self._add(Row("mains without a permission", bool(state["live"]), False))

    def session(self) -> None:
        """A card, the contactor, the pilot under PWM, the meter under load, and the contactor again."""
        bench = self.bench
        bench.command("swipe", token=CARD)
        bench.command("resume")
        state = bench.wait(lambda s: s["live"] and s["relay"], 40, "the contactor closes")
        self._add(Row("contactor closes", True, True))
        self._add(Row("card", state["id_tag"] or "", CARD))
        state = bench.let_pass(_SETTLE_S)
        self._level(state, "C")
        self._level(state, "low", "low_mv")
        cable_da = _CABLE_DA if bench.parts()["proximity"] else None
        wanted = limits.offered(self.result.facts, cable_da) / 10 * limits.AMPERE_PERMILLE
        self._add(Row("duty", state["duty_permille"], wanted - limits.DUTY_PERMILLE, wanted + limits.DUTY_PERMILLE, "permille"))
        self._meter()
        bench.command("pause")
        state = bench.wait(lambda s: not s["live"], 2, "the contactor opens")
        self._add(Row("contactor opens", True, True))
        self._add(Row("error", state["error_code"], "NoError"))

    def _meter(self) -> None:
        phases = self.result.facts["phases"]
        true = self.reference(phases)
        seen = self.bench.ask("sensors()")
        self._add(Row("meter valid", seen["valid"], True))
        for n in range(phases):
            for name, key, wanted in zip(("voltage", "current", "power"), ("v_mv", "i_ma", "p_mw"), true[n], strict=True):
                margin = abs(wanted) * limits.METER_PPM // 1_000_000
                unit = key[-2:].replace("mv", "mV").replace("ma", "mA").replace("mw", "mW")
                self._add(Row(f"{name} L{n + 1}", seen[key][n], wanted - margin, wanted + margin, unit))

    def residual_current(self) -> None:
        """A residual current opens the contactor of a charging outlet."""
        bench = self.bench
        bench.needs("rcd")
        bench.command("resume")
        bench.wait(lambda s: s["live"], 40, "the contactor closes again")
        bench.command("raise_fault", name="GroundFailure", connector=1)
        try:
            bench.wait(lambda s: not s["live"] and not s["relay"], limits.RCD_S, "a residual current opens the contactor")
            state = bench.wait_status("Faulted")
        finally:
            bench.command("clear_fault", name="GroundFailure", connector=1)
        self._add(Row("residual current", state["error_code"], "GroundFailure"))

    def wifi(self) -> None:
        """The hall's network is received well enough."""
        if self.network is None:
            raise NotPlayable("no network was named (--network)")
        found = [rssi for name, rssi in self.bench.ask("networks()") if name == self.network]
        note = "" if found else "not in reach"
        self._add(Row(f"Wi-Fi {self.network}", max(found, default=None), *limits.RSSI_DBM, "dBm", note))
