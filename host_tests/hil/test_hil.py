"""The scenarios on each bench: the simulator; two bare-metal targets in place of board and jig, each through its raw REPL; a
target alone with a simulated car; a board with a jig where one is named.

`make hil PORT=... JIG=...` runs them on a board. On the targets a part runs each time, `make target` runs all.
"""

import os

import pytest
from hil import bench as bench_module
from hil.bench import Bench, BenchError, NotPlayable, SimulatorBench
from hil.serial_bench import BoardBench, TargetBench
from hil_scenarios import ALL as SCENARIOS
from hil_scenarios import contactor_welded, fault_in_a_session, session_plug_first, session_suspended_by_the_car
from hil_wired import WiredBench
from target_units import ALL

PORT, JIG = os.environ.get("PILOTLIGHT_HIL_PORT", ""), os.environ.get("PILOTLIGHT_HIL_JIG", "")
FAST = {"target": (session_suspended_by_the_car, fault_in_a_session, contactor_welded), "wired": (session_plug_first,)}


def _cases() -> list:
    """(kind, scenario); a bench serves its scenarios in their order."""
    if PORT:
        chosen = {"board": SCENARIOS}
    else:
        chosen = {"simulator": SCENARIOS} | (dict.fromkeys(FAST, SCENARIOS) if ALL else FAST)
    return [pytest.param(kind, one, id=f"{kind}-{one.__name__}", marks=pytest.mark.xdist_group(f"hil-{kind}"))
            for kind, scenarios in chosen.items() for one in scenarios]  # fmt: skip


class _Running:
    """The bench in use; a scenario that failed leaves it to be started again."""

    def __init__(self, folder, monkeypatch) -> None:
        self._make = {"simulator": lambda: SimulatorBench(folder / "state"), "target": TargetBench,
                      "wired": lambda: WiredBench(monkeypatch), "board": lambda: BoardBench(PORT, JIG)}  # fmt: skip
        self.kind, self.bench = "", None

    def of(self, kind):
        """A bench of this kind that was begun."""
        if kind != self.kind or self.bench is None:
            self.close()
            self.kind, self.bench = kind, self._make[kind]()
            try:
                self.bench.begin()
            except BaseException:
                self.close()
                raise
        return self.bench

    def close(self) -> None:
        """End it."""
        if self.bench is not None:
            self.bench.close()
            self.bench = None


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One bench at a time."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        benches = _Running(tmp_path_factory.mktemp("hil"), monkeypatch)
        yield benches
        benches.close()


@pytest.mark.skipif(bool(PORT), reason="needs no board")
@pytest.mark.timeout(900)
def test_firmware_of_the_target_is_this_checkouts(running):
    """The version is read back from the unit, and the file comes from the image, not from the bench's own folder."""
    version = running.of("target").version()
    assert version == {"version": "0.1.0", "file": "/rom/firmware/charger/version.mpy"}


@pytest.mark.skipif(bool(PORT), reason="needs no board")
@pytest.mark.timeout(900)
def test_refused_command_and_traceback_of_a_unit_are_said(running):
    """Refusals of the world and exceptions of the unit reach the reader."""
    bench = running.of("target")
    with pytest.raises(BenchError, match="a cable is coded for 13, 20, 32 or 63 amps"):
        bench.command("cable", amps=7)
    with pytest.raises(BenchError, match="ZeroDivisionError"):
        bench.unit.run("1 // 0")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "scenario"), _cases())
def test_scenario(running, kind, scenario):
    """The same function for each bench."""
    bench = running.of(kind)
    try:
        bench.wait_status("Available")
        scenario(bench)
    except NotPlayable as part:
        bench.command("plug_out")
        pytest.skip(str(part))
    except BaseException:
        running.close()
        raise
    if scenario is contactor_welded:
        running.close()


def test_there_are_twenty_scenarios_and_all_run_on_the_simulator():
    """Names are unique; those of the target's fast part are among them."""
    names = [one.__name__ for one in SCENARIOS]
    assert len(names) == len(set(names)) == 20
    assert {one for some in FAST.values() for one in some} <= set(SCENARIOS)


def test_port_without_a_prompt_is_one_sentence(tmp_path):
    """A path that is no serial port."""
    with pytest.raises(BenchError, match="jig: no prompt at"), BoardBench(str(tmp_path), str(tmp_path / "none")):
        pass


class _SlowUnit(Bench):
    """Each look at it takes 2 s of ours; its own time moves on by what it is told to let pass, or not at all."""

    name = "slow"

    def __init__(self, monkeypatch, moves=True):
        self.real_s, self.uptime_ms, self._moves = 0, 0, moves
        monkeypatch.setattr(bench_module.time, "monotonic", lambda: self.real_s)

    def report(self):
        self.real_s += 2
        return {"uptime_ms": self.uptime_ms, "ocpp_status": "Available" if self.uptime_ms >= 20_000 else "Preparing"}

    def command(self, cmd, **fields):
        return {}

    def advance(self, ms):
        self.uptime_ms += ms if self._moves else 0


def test_a_slow_computer_is_waited_for_and_a_unit_that_stands_still_is_not(monkeypatch):
    """Limits are of the unit's time: a connection time-out of 20 s was not seen when it took more than two minutes of ours."""
    slow = _SlowUnit(monkeypatch)
    assert slow.wait_status("Available")["uptime_ms"] == 20_000 and slow.real_s > 120
    assert slow.let_pass(20)["uptime_ms"] == 40_000
    with pytest.raises(BenchError, match="not within 1 s"):
        slow.wait_status("Charging", within_s=1)
    for waits in (lambda unit: unit.wait_status("Available"), lambda unit: unit.let_pass(1)):
        with pytest.raises(BenchError, match="time stands still"):
            waits(_SlowUnit(monkeypatch, moves=False))


class _Refuses:
    """A jig that answers everything with this reply."""

    def __init__(self, reply) -> None:
        self.reply = reply

    def value(self, code):
        assert code.startswith("print('HIL ' + jig.answer(")
        return self.reply


def test_what_a_jig_cannot_play_skips_and_what_it_refuses_fails():
    """Two kinds of refusal."""
    bench = BoardBench("port", "jig")
    bench._jig = _Refuses({"ok": False, "error": "the jig cannot play ntc_open", "not_playable": True})
    with pytest.raises(NotPlayable, match="ntc_open"):
        bench.command("raise_fault", name="ntc_open")
    bench._jig = _Refuses({"ok": False, "error": "wrong token"})
    with pytest.raises(BenchError, match="wrong token"):
        bench.command("swipe", token="")
    bench._jig = _Refuses({"ok": True, "result": {"live": False}})
    assert bench.command("measure") == {"live": False}
