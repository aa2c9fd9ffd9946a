"""A unit under test and the car that is played for it. The scenarios of host_tests/hil_scenarios.py talk to a Bench alone.

The commands are those of the simulator's control port (docs/ARCHITECTURE.md), and so is their meaning, whatever carries
them out: the simulator, the simulated world on the bare-metal target, or a jig of tools/hil/jig beside a real board.
"""

import threading
import time

# Factory values of the unit under test: it works without a back end, takes any card, and has no national delays.
SETTINGS = {"AllowOfflineTxForUnknownId": "true", "Country": "none", "ConnectionTimeOut": "20", "MeterValueSampleInterval": "0"}
_SHORT_MS, _LONG_MS = 200, 500  # of the unit's time between two looks at it: waiting for something, and watching
_STILL_S = 120  # of ours, within which a unit's time has to move


class BenchError(AssertionError):
    """A unit, a jig or the connection to one did not do its part; or what was waited for did not come."""


class NotPlayable(Exception):
    """This bench has no part for that: the scenario is skipped."""


class Bench:
    """One unit with one connector. Used with `with`."""

    name = ""

    def begin(self) -> None:
        """Start the unit, with no car; BenchError when it does not start."""
        raise NotImplementedError

    def close(self) -> None:
        """Release everything."""
        raise NotImplementedError

    def command(self, cmd: str, **fields):
        """Play an action; its result. NotPlayable where the bench cannot."""
        raise NotImplementedError

    def report(self) -> dict:
        """The firmware's report of the connector, and its uptime_ms."""
        raise NotImplementedError

    def parts(self) -> dict:
        """Which parts the outlet has (proximity, lock, rcd, ntc), and max_da."""
        raise NotImplementedError

    def ask(self, call: str):
        """The result of a function of eol_agent.py, for example "facts()". NotPlayable where no agent can run."""
        raise NotPlayable(f"{self.name} takes no agent")

    def advance(self, ms: int) -> None:
        """Let about this much of the unit's time go by; a bench whose unit runs by itself may return at once."""
        raise NotImplementedError

    def __enter__(self) -> "Bench":
        try:
            self.begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error) -> None:
        self.close()

    # --- what scenarios use ---

    def state(self) -> dict:
        """The connector as the firmware reports it, and what a meter at the plug sees: levels, duty, whether it is live."""
        return {**self.report(), **self.command("measure")}

    def wait(self, condition, within_s: float, what: str) -> dict:
        """The first state that meets the condition; BenchError after this much of the unit's time."""
        state = self.state()
        begun = state["uptime_ms"]
        while not condition(state):
            if state["uptime_ms"] - begun > within_s * 1000:
                raise BenchError(f"{self.name}: {what}: not within {within_s:g} s; at the end: {state}")
            state = self._later(state, _SHORT_MS)
        return state

    def _later(self, before: dict, ms: int) -> dict:
        """The state after about this much of the unit's time; BenchError when its time stands still.

        How long that takes of ours depends on the computer: an emulated unit is slow on a busy one.
        """
        begun = time.monotonic()
        while True:
            self.advance(ms)
            state = self.state()
            if state["uptime_ms"] != before["uptime_ms"]:
                return state
            if time.monotonic() - begun > _STILL_S:
                raise BenchError(f"{self.name}: the unit's time stands still: {state}")

    def wait_status(self, *names: str, within_s: float = 30) -> dict:
        """Wait for one of these OCPP statuses."""
        return self.wait(lambda state: state["ocpp_status"] in names, within_s, " or ".join(names))

    def let_pass(self, seconds: float, check=None) -> dict:
        """Let so much of the unit's time go by; `check` has to hold at each look. The last state."""
        state = self.state()
        begun = state["uptime_ms"]
        while state["uptime_ms"] - begun < seconds * 1000:
            if check is not None and not check(state):
                raise BenchError(f"{self.name}: not for {seconds:g} s: {state}")
            state = self._later(state, _LONG_MS)
        return state

    def needs(self, part: str) -> None:
        """NotPlayable on an outlet without this part."""
        if not self.parts().get(part):
            raise NotPlayable(f"the outlet has no {part}")


class SimulatorBench(Bench):
    """The simulator: the unit is a process, the world is its own."""

    name = "simulator"

    def __init__(self, folder, time_scale: float = 20) -> None:
        from backend import Simulator

        self._sim = Simulator(folder, settings=SETTINGS, time_scale=time_scale, seed=1)
        self._pause = threading.Event()

    def begin(self) -> None:
        self._sim.start()

    def close(self) -> None:
        self._sim.close()

    def command(self, cmd: str, **fields):
        from backend import CommandRefused

        try:
            return self._sim.command(cmd, **fields)
        except CommandRefused as error:
            raise BenchError(str(error)) from error

    def report(self) -> dict:
        status = self._sim.status()
        return {**status["connectors"]["1"], "uptime_ms": status["uptime_ms"]}

    def parts(self) -> dict:
        return {"proximity": True, "lock": True, "rcd": True, "ntc": True, "max_da": 320}

    def advance(self, ms: int) -> None:
        self._pause.wait(0.01)
