"""tools/calibrate.py from prompt to flash: its agent runs in MicroPython against a chip on a bench."""

import json
from pathlib import Path

import calibrate
import pytest

ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = str(ROOT / ".toolchain/micropython64")


class Rig:
    """The reference source and its operator: answers the tool's prompts and switches the source to match."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.file = folder / "rig.json"
        self.flash = folder / "flash"
        self.flash.mkdir()
        self.prompts: list[str] = []
        self.points = {"Point 1": (230.1, 10.02, 2305.6), "Point 2": (229.8, 10.05, 1154.7)}
        self.typed: list[str] = []
        self.point = (230.0, 10.0, 2300.0)
        self.apply()
        monkeypatch.chdir(ROOT)
        path = ("host_tests/calibration/bench", "boards/SIM", "firmware", ".frozen")
        monkeypatch.setenv("MICROPYPATH", ":".join(path))
        monkeypatch.setenv("BENCH_RIG", str(self.file))
        monkeypatch.setenv("BENCH_FLASH", str(self.flash))
        monkeypatch.setattr("builtins.input", self.answer)
        monkeypatch.setattr("builtins.print", self.hear)

    def apply(self) -> None:
        """Put the present point on the conductor."""
        self.file.write_text(json.dumps([*self.point, 50.0]))

    def hear(self, *words, **_) -> None:
        """The operator reads a line and switches the source when it names a point."""
        text = " ".join(map(str, words))
        self.prompts.append(text)
        for name, point in self.points.items():
            if text.startswith(name):
                self.point = point
                self.apply()

    def answer(self, prompt: str) -> str:
        """The operator's input: the reference meter's figures, unless something else is due."""
        self.prompts.append(prompt)
        if self.typed:
            return self.typed.pop(0)
        return "{} {} {}".format(*self.point)

    def run(self, *arguments: str) -> int:
        """Run the tool."""
        return calibrate.main(["--interpreter", INTERPRETER, *arguments])

    def stored(self) -> dict:
        """The output of --show."""
        self.prompts.clear()
        assert self.run("--show") == 0
        return json.loads(self.prompts[-1])


@pytest.fixture
def rig(tmp_path, monkeypatch) -> Rig:
    """A rig with an uncalibrated unit on it."""
    return Rig(tmp_path, monkeypatch)


def test_two_points_end_in_a_stored_entry_for_each_outlet(rig):
    assert rig.stored() is None
    assert rig.run("--outlet", "1") == 0, rig.prompts
    first = rig.stored()["meters"]["1"]
    assert first["kind"] == "ade7953"
    assert first["v"] != [1000000]
    assert abs(first["v"][0] - 1000000) < 25000
    assert abs(first["p"][0] - 1000000) < 3000
    assert rig.run("--outlet", "2") == 0, rig.prompts
    meters = rig.stored()["meters"]
    assert meters["1"] == first, "the other outlet's entry stays"
    assert meters["2"]["v"] != first["v"], "another unit, other gains"
    assert rig.run("--outlet", "1") == 0
    again = rig.stored()["meters"]["1"]
    assert abs(again["v"][0] - first["v"][0]) < 300, "the same unit, found from scratch"


def test_wrong_second_point_changes_nothing(rig):
    assert rig.run("--outlet", "1") == 0
    before = rig.stored()
    rig.points["Point 2"] = (230.0, 10.0, 2300.0)
    assert rig.run("--outlet", "1") == 1
    assert "power factor of about 0.5" in rig.prompts[-1]
    assert rig.stored() == before


def test_reference_of_another_conductor_is_refused(rig):
    rig.typed = ["230 25 5750"]
    assert rig.run("--outlet", "1") == 1
    assert "connected to this phase" in rig.prompts[-1]


def test_mistyped_figures_are_asked_for_again(rig):
    rig.typed = ["230 10", "two thirty", "230,1 10,02 2305,6"]
    assert rig.run("--outlet", "1") == 0, rig.prompts
    assert rig.prompts.count("  three numbers, please") == 2


def test_outlet_that_is_not_there(rig):
    assert rig.run("--outlet", "3") == 1
    assert rig.prompts[-1] == "not calibrated: the unit has outlets 1 to 2"


def test_unit_that_does_not_answer(rig, monkeypatch):
    monkeypatch.setenv("MICROPYPATH", ".frozen")
    assert rig.run("--outlet", "1") == 1
    said = rig.prompts[-1]
    assert said.startswith("not calibrated: the unit did not answer: ") and "\n" not in said, said
