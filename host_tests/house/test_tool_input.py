"""Host tools with input that makes no sense: exit code 2 and a sentence, no traceback, nothing begun."""

import json
import subprocess
import sys
import trace
from pathlib import Path

import csms
import demo
import fleet
import fuses
import mutate
import pytest
import romfs
import scenario
import scorecard
import verify_log
import year
from simulator import settings
from web_page import serve

from backend.simulator import free_port

TOOLS = Path(__file__).resolve().parents[2] / "tools"
DEEP = "[" * 100_000
CASES = [
    (fleet, ["0"]), (fleet, ["1001"]), (fleet, ["1.5"]), (fleet, ["1", "--seconds", "-1"]), (fleet, ["1", "--seconds", "nan"]),
    (fleet, ["1", "--spread", "inf"]), (fleet, ["1", "--pause", "0"]), (fleet, ["1", "--storm-seconds", "9" * 30]),
    (fleet, ["1", "--time-scale", "-1"]), (fleet, ["1", "--prefix", ""]), (fleet, ["1", "--prefix", "a/b"]),
    (fleet, ["1", "--json", "FOLDER"]), (fleet, ["1", "--storm", "--png", "/proc/x.png"]),
    (scenario, ["run", "STEPS", "--against", "x"]), (scenario, ["run", "STEPS", "--jobs", "0"]),
    (scenario, ["run", "STEPS", "--junit", "FOLDER"]), (trace, ["show", "GARBAGE"]), (trace, ["show", "DEEP"]),
    (trace, ["show", "SIDEWAYS"]), (trace, ["show", "UNTIMED"]), (trace, ["scenario", "NUMBERED"]),
    (trace, ["show", "MESSAGE", "--kind", "CAL"]),
    (csms, ["serve", "--port", "99999"]), (csms, ["call", "CP1", "Reset", "@DEEP"]), (csms, ["call", "CP1", "Reset", "@GARBAGE"]),
    (verify_log, ["DEEP"]), (verify_log, ["GARBAGE"]), (fuses, ["--board", "ESP32_DEVKITC", "--summary", "GARBAGE"]),
    (fuses, ["--board", "ESP32_DEVKITC", "--summary", "DEEP"]), (scorecard, ["--jobs", "0"]), (scorecard, ["--json", "FOLDER"]),
    (year, ["--days", "0"]), (year, ["--days", "9" * 30]), (romfs, ["-o", "FOLDER"]), (demo, ["--chargers", "3"]),
    (demo, ["--stay", "--panel", "99999"]), (mutate, ["x"]), (serve, ["--charger", "x"]), (serve, ["--port", "0"]),
]  # fmt: skip


@pytest.mark.parametrize("words", [["fleet.py", "2"], ["scenario.py", "list"], ["csms.py", "actions", "Reset"], ["demo.py"]])
def test_a_python_without_the_packages_is_a_sentence_and_exit_code_2(words):
    done = subprocess.run([sys.executable, "-S", TOOLS / words[0], *words[1:]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert done.stderr.startswith(words[0][:-3]) and "make setup" in done.stderr


@pytest.fixture
def files(tmp_path):
    """Words of CASES -> paths."""
    names = "FOLDER GARBAGE DEEP STEPS SIDEWAYS UNTIMED NUMBERED MESSAGE"
    made = {name: tmp_path / name.lower() for name in names.split()}
    made["FOLDER"].mkdir()
    made["GARBAGE"].write_bytes(bytes(range(256)))
    made["DEEP"].write_text(DEEP)
    made["STEPS"].write_text("name: None\nsteps: []\n")
    lines = {"SIDEWAYS": {"dir": "sideways"}, "UNTIMED": {"at_ms": "one"}, "NUMBERED": {"action": 7}, "MESSAGE": {}}
    for name, line in lines.items():
        made[name].write_text(json.dumps({"dir": "out", "kind": "CALL", "at_ms": 1, "action": "Reset", "payload": {}} | line))
    return made


@pytest.mark.parametrize(("tool", "words"), CASES, ids=lambda one: one.__name__ if hasattr(one, "main") else " ".join(one)[:40])
def test_nonsense_is_a_sentence_and_exit_code_2(tool, words, files, capsys, monkeypatch):
    words = [word.replace(word.lstrip("@"), str(files.get(word.lstrip("@"), word.lstrip("@")))) for word in words]
    monkeypatch.setattr("sys.argv", [tool.__name__, *words])
    try:
        code = tool.main(words) if tool.main.__code__.co_argcount else tool.main()
    except SystemExit as left:
        code = left.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, ""), printed
    assert " " in printed.err.strip().splitlines()[-1]


@pytest.mark.parametrize("pair", [
    "MeterKind=x", "LanKind=x", "ContactorActive=7", "ContactorContact=x", "HandshakeMs=x", "HardwareRevision=-1",
    "SetupPorts=x/y", "SetupPorts=0/80", "SetupPorts=53/65536", "WifiNetwork=x", "HomeHost=127.0.0.1", "HomeHost=172.32.0.1",
    "HomeHost=10.1", "HouseKind=x", "WifiNetwork=Home/short", "=5", "x",
])  # fmt: skip
def test_a_setting_of_the_simulated_board_is_checked_before_it_starts(pair):
    with pytest.raises(settings.Mistake, match=r"^--set .*\.$"):
        settings.factory_settings([pair])


def test_a_busy_port_of_the_page_is_a_sentence(capsys, monkeypatch):
    port = free_port()
    first = serve.serve(port, ("127.0.0.1", 1))
    try:
        monkeypatch.setattr("sys.argv", ["serve", "--port", str(port), "--charger", "127.0.0.1:1"])
        assert serve.main() == 2
    finally:
        first.shutdown()
        first.server_close()
    assert capsys.readouterr().err == f"serve: Port {port} cannot be used: Address already in use.\n"
