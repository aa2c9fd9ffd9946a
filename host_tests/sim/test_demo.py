"""The demo as a newcomer runs it: it ends well by itself, stays when asked to, and never calls a wrong bill right."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import demo
import pytest

from backend import Transaction, wait_until
from backend.page import Page
from backend.ports import claim, free_port, is_free
from backend.simulator import ROOT, session_members

COMMAND = [sys.executable, str(ROOT / "tools" / "demo.py")]


@pytest.fixture
def short(monkeypatch):
    """Less to charge: the steps are the same."""
    monkeypatch.setattr(demo, "FULL_WH", 20)
    monkeypatch.setattr(demo, "LIMITED_WH", 10)


def test_plain_demo_ends_with_a_bill(short, capfd):
    """Exit code 0; every step and the figures of the bill are printed, one line each."""
    assert demo.main(["--plain"]) == 0
    out = capfd.readouterr().out
    for words in ("Boot", "Plug-in", "Authorise", "Charge", "Limit", "Unplug", "Energy", "Duration", "Mean power", "Price",
                  "Messages exchanged", "kWh", "agree"):
        assert words in out
    assert "\x1b[" not in out


def test_wrong_bill_is_an_error(short, monkeypatch, capfd):
    """One Wh more on the bill than on the meter: exit code 1, and a sentence says so."""
    honest = Transaction.energy_wh.fget
    monkeypatch.setattr(Transaction, "energy_wh", property(lambda self: honest(self) + 1))
    assert demo.main(["--plain"]) == 1
    assert "do not agree" in capfd.readouterr().out


def test_broken_message_is_an_error(short, monkeypatch, capfd):
    """A message that breaks OCPP's schemas spoils the demo too."""
    monkeypatch.setattr(demo.Csms, "problems", lambda self: ["#7 StatusNotification breaks the schema"])
    assert demo.main(["--plain"]) == 1
    assert "breaks the schema" in capfd.readouterr().out


def test_charger_that_does_not_start(monkeypatch, capfd):
    """Exit code 1, a sentence, and the end of the log."""
    monkeypatch.setattr("backend.simulator.PROGRAM", ROOT / "tools" / "no-such-program.py")
    assert demo.main(["--plain"]) == 1
    err = capfd.readouterr().err
    assert "The demo failed" in err and "no-such-program" in err and "Traceback" not in err


@pytest.mark.parametrize("words", [["--bogus"], ["--word", "16"], ["extra"]], ids=" ".join)
def test_wrong_arguments(words):
    """Exit code 2 and a sentence."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stderr.strip()


def test_live_table_then_stay_until_ctrl_c():
    """On a terminal the table is drawn in place; --stay says how to drive the chargers; Ctrl-C ends all, code 0."""
    terminal, inner = pty.openpty()
    words = [*COMMAND, "--stay", "--chargers", "2"]
    process = subprocess.Popen(words, stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
                               env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "50"})
    os.close(inner)
    screen = bytearray()
    reader = threading.Thread(target=_read_all, args=(terminal, screen), daemon=True)
    reader.start()
    try:
        wait_until(lambda: b"Ctrl-C ends it" in screen or process.poll() is not None, 60, "the end of the session",
                   state=lambda: bytes(screen[-3000:]).decode("utf-8", "replace"))
        text = screen.decode("utf-8", "replace")
        assert "\x1b[1A" in text  # the cursor went up: drawn in place
        assert "tools/ctl.py" in text and "agree" in text
        [(port, pin)] = re.findall(r"https://127\.0\.0\.1:(\d+)/ .* PIN is (\d+)", text)
        assert Page(int(port)).login(pin).status == 200
        [panel] = re.findall(r"panel, which .*: (http://127\.0\.0\.1:\d+/)#([\w-]+)", text)
        asked = urllib.request.Request(panel[0] + "api/state", headers={"X-Panel-Token": panel[1]})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert [one["identity"] for one in json.load(answer)["chargers"]] == ["PL-0001", "PL-0002"]
        [words] = re.findall(r"python3 tools/csms\.py (.*) GetConfiguration", text)
        called = subprocess.run([sys.executable, ROOT / "tools" / "csms.py", *words.split(), "GetConfiguration",
                                 'key=["HeartbeatInterval"]'], capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(called.stdout)["configurationKey"][0]["value"] == "3600"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        wait_until(lambda: not session_members(process.pid), 10, "nothing left running")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join(5)
        os.close(terminal)


def test_of_two_demos_one_has_the_usual_ports():
    """Each looks whether a port is free before what it starts listens there: a claim keeps the other one off."""
    port = free_port()
    code = f"from backend.ports import claim; print(claim({port}), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "tools")}) as other:
        assert other.stdout.readline() == "True\n"
        assert is_free(port) and not claim(port)
        other.communicate("\n")
    assert claim(port) and claim(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not claim(port)


def _read_all(terminal, screen):
    """Collect what a terminal shows until it closes."""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return
        if not data:
            return
        screen += data
