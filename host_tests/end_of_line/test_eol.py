"""tools/eol.py: on the bare-metal target by its serial line, and with broken units in the simulated world."""

import json

import eol
import pytest
from end_of_line import report, steps
from hil.bench import SimulatorBench
from hil.serial_bench import TargetBench

FACTS = {"board": "SIM", "serial": "PL1", "firmware": "0.1.0", "provisioned": False, "max_da": 320, "phases": 1, "open_ms": 20,
         "outlets": 1, "calibrated": [True]}  # fmt: skip
ROWS = ["firmware", "meters calibrated", "provisioned", "temperature", "pilot A", "duty without a car", "pilot B",
        "mains without a permission", "contactor closes", "card", "pilot C", "pilot low", "duty", "meter valid", "voltage L1",
        "current L1", "power L1", "contactor opens", "error", "residual current", "Wi-Fi Simulated"]  # fmt: skip


def load_of(bench):
    """A reference meter in the simulated world."""
    def reference(phases):
        assert phases == 1
        amps = bench.command("status")["connectors"]["1"]["drawn_amps"]
        assert amps > 5
        return [(230_000, round(amps * 1000), round(amps * 230_000))]
    return reference


class SimulatedUnit(SimulatorBench):
    """The simulator with what an agent on the unit would tell."""

    facts, networks = FACTS, [["Simulated", -55]]
    meter_ppm = 1_000_000

    def ask(self, call):
        if call == "facts()":
            return self.facts
        if call == "networks()":
            return self.networks
        state = self.command("status")["connectors"]["1"]
        amps = state["drawn_amps"]
        wrong = self.meter_ppm / 1_000_000
        return {"valid": state["power_w"] is not None, "fault": "", "v_mv": [230_000], "i_ma": [round(amps * 1000 * wrong)],
                "p_mw": [round(amps * 230_000)], "temperature_dc": 250}  # fmt: skip


def failed_rows(folder):
    """Names of the rows that failed, from the report on disk."""
    data = json.loads((folder / "PL1.json").read_text())
    assert data["passed"] is False
    return [row["name"] for row in data["rows"] if not row["passed"]]


def run(bench, folder, network="Simulated", before=()):
    """Exit code of the test on a bench, with these faults from the start."""
    begin = bench.begin

    def begin_broken():
        begin()
        bench.wait_status("Available")
        for name in before:
            bench.command("raise_fault", name=name, connector=1)

    bench.begin = begin_broken
    return eol.test(bench, network, load_of(bench), folder)


@pytest.mark.timeout(900)
def test_good_unit_passes_over_the_serial_line(tmp_path, capsys):
    """The firmware on bare metal behind the raw REPL, its chips and car simulated there: every row, and both reports."""
    bench = TargetBench()
    assert run(bench, tmp_path) == 0, capsys.readouterr().out
    [path] = tmp_path.glob("*.json")
    data = json.loads(path.read_text())
    assert [row["name"] for row in data["rows"]] == ROWS and data["left_out"] == []
    assert data["passed"] and all(row["passed"] for row in data["rows"])
    assert data["unit"]["max_da"] == 320 and data["unit"]["board"] == "SIM"
    assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_good_unit_passes_in_the_simulator_and_an_older_report_is_kept(tmp_path):
    """The second report does not replace the first."""
    for _ in range(2):
        assert run(SimulatedUnit(tmp_path / "state"), tmp_path / "reports") == 0
    assert len(list((tmp_path / "reports").glob("PL1*.json"))) == 2
    assert len(list((tmp_path / "reports").glob("PL1*.pdf"))) == 2


@pytest.mark.parametrize(("fault", "rows"), [
    ("contactor_stuck", {"session"}),
    ("rcd_dead", {"residual current"}),
    ("PowerMeterFailure", {"session"}),
    ("pilot_short", {"pilot A", "pilot"}),
])  # fmt: skip
def test_each_broken_part_fails_its_rows(tmp_path, fault, rows):
    """The fault is physical; the report names the step or the measurement."""
    assert run(SimulatedUnit(tmp_path / "state"), tmp_path, before=[fault]) == 1
    assert rows <= set(failed_rows(tmp_path)), failed_rows(tmp_path)


def test_each_wrong_figure_fails_its_row_alone(tmp_path):
    """Facts, duty, network and meter out of their limits, all other rows within."""
    bench = SimulatedUnit(tmp_path / "state")
    bench.facts = {**FACTS, "firmware": "0.0.9", "calibrated": [True, False], "provisioned": True, "max_da": 160}
    bench.networks = [["Other", -40], ["Simulated", -80]]
    bench.meter_ppm = 1_011_000
    assert run(bench, tmp_path) == 1
    assert failed_rows(tmp_path) == ["firmware", "meters calibrated", "provisioned", "duty", "current L1", "Wi-Fi Simulated"]


def test_network_out_of_reach_fails(tmp_path):
    """No value, and the reason in its place."""
    bench = SimulatedUnit(tmp_path / "state")
    assert run(bench, tmp_path, network="Hall") == 1
    assert failed_rows(tmp_path) == ["Wi-Fi Hall"]
    assert json.loads((tmp_path / "PL1.json").read_text())["rows"][-1]["note"] == "not in reach"


def test_meter_at_the_edge_of_its_limit_passes(tmp_path):
    """0.9 % off."""
    bench = SimulatedUnit(tmp_path / "state")
    bench.meter_ppm = 1_009_000
    assert run(bench, tmp_path) == 0


def test_network_that_was_not_named_is_said_not_tested(tmp_path, capsys):
    """The report has it, and so has the screen."""
    assert run(SimulatedUnit(tmp_path / "state"), tmp_path, network=None) == 0
    assert "not tested: wifi: no network was named (--network)" in capsys.readouterr().out
    assert json.loads((tmp_path / "PL1.json").read_text())["left_out"]


def test_a_row_is_passed_within_its_limits_only():
    """Numbers, texts, truths, and no value."""
    assert steps.Row("x", 5, 5, 5).passed and steps.Row("x", 5, None, 6).passed and steps.Row("x", True, True).passed
    for row in (steps.Row("x", 4, 5, 6), steps.Row("x", 7, 5, 6), steps.Row("x", None), steps.Row("x", "a", "b"),
                steps.Row("x", False, True)):  # fmt: skip
        assert not row.passed
    assert not steps.Result().passed  # nothing was tested


def test_page_has_a_line_for_each_row():
    """Dark dots in each row's line, down to the last one."""
    rows = [{"name": f"row {n}", "value": n, "low": 0, "high": 9.5, "unit": "mV", "note": "", "passed": n < 9} for n in range(12)]
    plain = {"passed": False, "unit": {"serial": "PL1"}, "time": "t", "version": 1, "rows": rows, "left_out": ["wifi: none"]}
    picture = report.page(plain)
    shorter = report.page({**plain, "rows": rows[:-1], "left_out": []})
    assert picture.size == (1240, 1753)
    dark = [picture.histogram()[0], shorter.histogram()[0]]
    assert dark[0] > dark[1] > 0


@pytest.mark.parametrize(("words", "says"), [
    ([], "PORT is missing"), (["--port", "/dev/null"], "JIG is missing"),
    (["--port", "/dev/nothing", "--jig", "/dev/null"], "There is no /dev/nothing"),
])  # fmt: skip
def test_missing_port_is_one_sentence(words, says, capsys):
    """Exit code 2, before anything is done."""
    assert eol.main(words) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_port_without_a_prompt_is_one_sentence(capsys):
    """A device that is no serial port."""
    assert eol.main(["--port", "/dev/null", "--jig", "/dev/null"]) == 2
    assert "jig: no prompt at /dev/null" in capsys.readouterr().err


def test_reference_is_read_from_the_operator(monkeypatch, capsys):
    """Volts, amperes and watts of each phase; a wrong line is asked again."""
    answers = iter(["230,1 10 x", "230,1 10.02 2305", "229 9 2061"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    assert eol.ask_reference(2) == [(230_100, 10_020, 2_305_000), (229_000, 9000, 2_061_000)]
