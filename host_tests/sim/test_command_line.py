"""The command line of the simulator: what makes no sense gets a sentence and exit code 2, never a traceback."""

import subprocess
import sys

import pytest

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
                          timeout=20, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("words", [
    ["NO-STATE"], ["--bogus"], ["stray"], ["--control", "nonsense"], ["--control", "127.0.0.1:0x1F"],
    ["--control", "127.0.0.1:70000"], ["--control", "127.0.0.1:-1"], ["--connectors", "0"], ["--connectors", "5"],
    ["--connectors", "two"], ["--csms", "http://127.0.0.1:1/x"], ["--csms", "ws://"], ["--csms", "ocpp"],
    ["--csms", "ws://127.0.0.1:99999/x"], ["--word", "16"], ["--word", "long"], ["--time-scale", "0"],
    ["--time-scale", "-1"], ["--time-scale", "nan"], ["--time-scale", "quick"], ["--seed", "x"], ["--heap", "tiny"],
    ["--heap", "-5"], ["--set", "HeartbeatInterval"], ["--set", "=5"], ["--security-profile", "9"],
    ["--security-profile", "x"], ["--ca", "no/such/file.pem"], ["--client-cert", "no/such/file.pem"],
    ["--identity", ""], ["--state-dir", "/proc/nowhere/state"],
    ["--web", "nonsense"], ["--mqtt", "http://x"], ["--romfs", "no/such/file"], ["--frozen", "no/such/file"],
    ["--frozen", "/bin/sh"], ["--word", "32", "--frozen", "/bin/sh", "--romfs", "/bin/sh"],
], ids=" ".join)
def test_nonsense_is_refused_with_a_sentence(words, tmp_path):
    """Exit code 2 and words for a person on stderr."""
    done = run(words, tmp_path / "state")
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines and " " in lines[-1]
    assert "Traceback" not in done.stderr + done.stdout


def test_port_in_use_is_said(launch):
    """The control port is somebody else's: a sentence, exit code 2."""
    sim = launch()
    done = run(["--control", f"127.0.0.1:{sim.port}"], sim.state_dir.parent / "other")
    assert done.returncode == 2
    assert str(sim.port) in done.stderr and "Traceback" not in done.stderr


def test_help_names_the_options():
    """--help is the contract, in short."""
    done = subprocess.run([sys.executable, str(PROGRAM), "--help"], capture_output=True, text=True, check=False,
                          timeout=20)
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
