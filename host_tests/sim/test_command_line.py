"""The command line of the simulator: what makes no sense gets a sentence and exit code 2, never a traceback."""

import socket
import subprocess
import sys

import pytest
from simulator import options

from backend.simulator import PROGRAM, ROOT, free_port


def run(words, state_dir):
    """Start the simulator with a valid state directory and control port unless the words give others."""
    defaults = []
    if "--state-dir" not in words and "NO-STATE" not in words:
        defaults += ["--state-dir", str(state_dir)]
    if "--control" not in words:
        defaults += ["--control", f"127.0.0.1:{free_port()}"]
    words = [w for w in words if not w.startswith("NO-")]
    return subprocess.run([sys.executable, str(PROGRAM), *defaults, *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("words", [
    ["NO-STATE"], ["--bogus"], ["stray"], ["--control", "nonsense"], ["--control", "127.0.0.1:0x1F"],
    ["--control", "127.0.0.1:70000"], ["--control", "127.0.0.1:-1"], ["--connectors", "0"], ["--connectors", "5"],
    ["--connectors", "two"], ["--csms", "http://127.0.0.1:1/x"], ["--csms", "ws://"], ["--csms", "ocpp"],
    ["--csms", "ws://127.0.0.1:99999/x"], ["--word", "16"], ["--word", "long"], ["--time-scale", "0"],
    ["--time-scale", "-1"], ["--time-scale", "nan"], ["--time-scale", "quick"], ["--seed", "x"], ["--heap", "tiny"],
    ["--heap", "-5"], ["--set", "HeartbeatInterval"], ["--set", "=5"], ["--security-profile", "9"],
    ["--security-profile", "x"], ["--ca", "no/such/file.pem"], ["--client-cert", "no/such/file.pem"],
    ["--identity", ""], ["--state-dir", "/proc/nowhere/state"], ["--state-dir", ""],
    ["--web", "nonsense"], ["--mqtt", "http://x"], ["--romfs", "no/such/file"], ["--frozen", "no/such/file"],
    ["--romfs", "/bin/sh"], ["--set", "HandshakeMs=x"], ["--set", "SetupPorts=x/y"],
    ["--count", "0"], ["--count", "many"], ["--count", "2", "--bogus"],
    ["--frozen", "/bin/sh"], ["--word", "32", "--frozen", "/bin/sh", "--romfs", "/bin/sh"],
], ids=" ".join)
def test_nonsense_is_refused_with_a_sentence(words, tmp_path):
    """Exit code 2 and words for a person on stderr."""
    done = run(words, tmp_path / "state")
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines and " " in lines[-1]
    assert "Traceback" not in done.stderr + done.stdout


def test_port_in_use_is_reported(launch):
    """The control port is somebody else's: a sentence, exit code 2."""
    sim = launch()
    done = run(["--control", f"127.0.0.1:{sim.port}"], sim.state_dir.parent / "other")
    assert done.returncode == 2
    assert str(sim.port) in done.stderr and "Traceback" not in done.stderr


def test_help_names_the_options():
    """--help is the contract, in short."""
    done = subprocess.run([sys.executable, str(PROGRAM), "--help"], capture_output=True, text=True, check=False,
                          timeout=120)
    assert done.returncode == 0
    for option in ("--csms", "--identity", "--connectors", "--state-dir", "--control", "--set", "--lab", "--word",
                   "--time-scale", "--seed", "--heap"):
        assert option in done.stdout


def test_secrets_are_not_in_the_interpreters_arguments(launch, csms):
    """The password goes over the link to the interpreter, not into the process list."""
    sim = launch(options=["--security-profile", "1", "--basic-auth-password", "0123456789abcdef"])
    csms.wait_booted()
    for pid in sim.child_pids():
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert b"0123456789abcdef" not in file.read()


def test_a_web_port_in_use_is_one_sentence_and_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(["--web", f"127.0.0.1:{port}"], tmp_path / "state")
    assert done.returncode == 2
    assert done.stderr == f"simulate: --web 127.0.0.1:{port} cannot be used: Address already in use.\n"


@pytest.mark.parametrize("name", ["flash.bin", "spare.bin", "nvs.json"])
def test_a_damaged_state_directory_is_one_sentence_and_exit_code_2(tmp_path, name):
    (tmp_path / name).write_text("garbage")
    done = run([], tmp_path)
    assert done.returncode == 2 and "holds no unit's state" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_plain_link_to_another_host_without_lab_is_warned_about():
    launch = {"csms": "ws://csms.example/ocpp", "lab": False}
    assert len(options.warnings(launch)) == 1
    assert options.warnings(launch | {"lab": True}) == options.warnings(launch | {"csms": "ws://127.0.0.1:9/a"}) == []
    assert options.warnings(launch | {"csms": "wss://csms.example/ocpp"}) == options.warnings(launch | {"csms": None}) == []


@pytest.mark.parametrize("words", [["--set", "bogus"], ["--set", "NoSuchKey=1", "--section", "authentication"]])
def test_the_scorecard_refuses_a_setting_that_the_charger_ignores(words):
    done = subprocess.run([sys.executable, ROOT / "tools" / "scorecard.py", *words], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 2 and done.stderr.startswith("scorecard: --set"), done.stderr


def test_help_of_the_set_up_sets_nothing_up(tmp_path):
    (tmp_path / "tools").mkdir()
    copy = tmp_path / "tools" / "setup.py"
    copy.write_text((ROOT / "tools" / "setup.py").read_text())
    done = subprocess.run([sys.executable, copy, "--help"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "usage: setup.py" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tools"]
    assert subprocess.run([sys.executable, copy, "--bogus"], capture_output=True, timeout=120, check=False).returncode == 2
