"""Many chargers in one process: they connect, charge, and come back spread after an outage of all."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fleet as launcher
import fleet_charger
import pytest
from PIL import Image
from simulator import board, options

from backend import wait_until
from backend.simulator import session_members

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fleet.py"


def fleet(*words):
    return subprocess.run([sys.executable, TOOL, *map(str, words)], capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.timeout(240)
def test_a_fleet_charges_and_comes_back_after_an_outage_of_all(tmp_path, frozen_interpreter):
    figures, drawn = tmp_path / "fleet.json", tmp_path / "storm.png"
    done = fleet(6, "--sessions", "--pause", 2, "--seconds", 8, "--time-scale", 5, "--storm", "--storm-seconds", 90,
                 "--json", figures, "--png", drawn, "--", "--trace", tmp_path / "trace")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["connected"] == found["chargers"] == 6 and found["failed"] == found["problems"] == []
    assert found["transactions"] > 0
    assert found["longest_gap_of_ticks_ms"]["max"] <= 40, "time is virtual: no tick is late however busy this machine is"
    assert found["memory"]["kib_a_charger"] < 4096
    assert sum(found["back_histogram"].values()) == 6
    assert found["work"]["chargers_s"] > 0 and found["work"]["processor_s"] > 0
    with Image.open(drawn) as picture:
        assert picture.getcolors() and "#2b6cb0" in {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in picture.getcolors(4096)}
    told = {json.loads(line)["charger"] for line in (tmp_path / "trace").read_text().splitlines()}
    assert told == {f"CP{number:04}" for number in range(1, 7)}


def test_a_command_that_is_cancelled_as_its_answer_comes_is_cancelled():
    """Otherwise the task that plugs cars in went on for ever, and the fleet with it."""

    async def cancelled():
        unit = board.Board({}, print)
        task = asyncio.create_task(unit.command({"cmd": "status"}))
        await asyncio.sleep(0)
        (future, _), = unit._waiting.values()
        future.set_result({"ok": True})
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not unit._waiting

    asyncio.run(cancelled())


@pytest.mark.timeout(240)
def test_chargers_that_had_no_power_are_back_with_it(tmp_path, frozen_interpreter):
    figures = tmp_path / "fleet.json"
    done = fleet(2, "--seconds", 1, "--time-scale", 5, "--storm", "power", "--storm-seconds", 60, "--json", figures)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert sum(found["back_histogram"].values()) == 2 and found["messages"] > 20, "each has registered again"


def test_chargers_that_were_held_for_long_at_the_end_stop_cleanly(tmp_path, csms, frozen_interpreter, monkeypatch, capsys):
    """The alarm of their watchdog in real time, which goes off while they are held, ends none; goodbye takes no slow time."""
    hold = fleet_charger.Charger.hold

    def hold_for_long(charger, held):
        hold(charger, held)
        if held:
            os.kill(charger.process, signal.SIGALRM)

    ends, commands = [], []
    take, command = board.Board._take, fleet_charger.Charger.command

    def noted(charger, name, **fields):
        commands.append((name, fields))
        return command(charger, name, **fields)

    monkeypatch.setattr(fleet_charger.Charger, "hold", hold_for_long)
    monkeypatch.setattr(fleet_charger.Charger, "command", noted)
    monkeypatch.setattr(board.Board, "_take", lambda self, message: (ends.append(message.get("event")), take(self, message)))
    words = ["2", "--csms", csms.url, "--state-dir", str(tmp_path / "units"), "--time-scale", "0.9", "--seconds", "0.1"]
    assert launcher.main(words) == 0, capsys.readouterr().out
    assert ends.count("up") == ends.count("stopped") == 2, "none has started again"
    assert commands[-2:] == [("time_scale", {"x": fleet_charger.VIRTUAL})] * 2
    assert signal.SIGALRM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_charger_that_does_not_stop_cleanly_has_failed(tmp_path, csms, frozen_interpreter, monkeypatch, capsys):
    write = board.Board._write

    def bitten(one, line):
        os.kill(one.pid, signal.SIGPROF) if b'"stop"' in line else write(one, line)

    monkeypatch.setattr(board.Board, "_write", bitten)
    assert launcher.main(["1", "--csms", csms.url, "--state-dir", str(tmp_path / "units"), "--seconds", "0.1"]) == 1
    assert "  CP0001: The watchdog bit before the firmware had stopped." in capsys.readouterr().out


@pytest.mark.parametrize(("words", "more", "range_s"), [
    (["--storm", "power"], [], "10"), (["--storm", "power"], ["--set", "PowerOnRandomRange=3"], "3"),
    (["--storm", "link"], [], None),
])  # fmt: skip
def test_a_storm_of_power_is_that_of_units_as_sold(words, more, range_s):
    """They wait before they connect; what the command line says of it rules, and other runs begin at once."""
    given = launcher._parser().parse_args(["2", *words])
    found = launcher._words(given, "ws://127.0.0.1:9", ["--word", "64", *more])
    pairs = [value for flag, value in zip(found, found[1:]) if flag == "--set"]
    assert options.factory_settings(pairs).get("PowerOnRandomRange") == range_s


@pytest.mark.timeout(240)
def test_simulate_with_a_count_is_a_fleet_that_runs_until_it_is_told_to_stop(tmp_path, csms):
    words = ["--count", 2, "--csms", csms.url, "--identity", "MANY", "--state-dir", tmp_path / "units", "--time-scale", 5]
    process = subprocess.Popen([sys.executable, TOOL.with_name("simulate.py"), *map(str, words)], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        wait_until(lambda: set(csms.stations) == {"MANY0001", "MANY0002"}, 120, "both chargers connected")
        ctl = [sys.executable, TOOL.with_name("ctl.py"), "--state-dir", tmp_path / "units" / "MANY0002", "plug_in"]
        assert subprocess.run(ctl, timeout=60, check=False).returncode == 0
        csms.record.wait("StatusNotification", where=lambda p: p.get("status") == "Preparing")
        ours = os.getpriority(os.PRIO_PROCESS, process.pid)
        chargers = {os.getpriority(os.PRIO_PROCESS, pid) for pid in session_members(process.pid) if pid != process.pid}
        assert chargers == {min(19, ours + fleet_charger.NICE)}, "the fleet's process comes before its chargers"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        printed = process.stdout.read()
        assert "2 of 2 chargers connected" in printed and "of real time" in printed
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_units_stay_in_a_state_directory(tmp_path, csms, frozen_interpreter):
    csms.audited = False
    words = (2, "--csms", csms.url, "--prefix", "HOME", "--state-dir", tmp_path / "units", "--seconds", 3)
    assert fleet(*words).returncode == 0
    serials = [m.payload["chargeBoxSerialNumber"] for m in csms.record.calls("BootNotification")]
    assert fleet(*words).returncode == 0
    again = [m.payload["chargeBoxSerialNumber"] for m in csms.record.calls("BootNotification")][len(serials) :]
    assert sorted(serials) == sorted(again) and len(set(serials)) == 2
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == ["HOME0001", "HOME0002"]


@pytest.mark.parametrize("words", [
    ("0",), ("1001",), ("x",), ("2", "--csms", "http://x"), ("2", "--", "--word", "7"), ("2", "--bogus"),
    ("2", "--png", "x.png"), ("2", "--json", "/proc/nowhere"), ("2", "--storm", "water"), ("2", "--", "--trace", "-"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_exit_code_2(words):
    done = fleet(*words)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("fleet: "), done.stderr
