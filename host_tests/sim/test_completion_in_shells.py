"""The completion of csms.py in the shells themselves: keys go to each on a terminal, the words that it then runs come back."""

import contextlib
import json
import os
import pty
import select
import signal
import sys

import csms_completion
import pytest

from backend import wait_until
from backend.simulator import ROOT

TOOL = ROOT / "tools" / "csms.py"
TOOLCHAIN = ROOT / ".toolchain"
PROMPT = "ready$ "
# Stands for the tool, and for pilotlight-sim: it completes as they do, and notes the words that it is started with.
PROGRAM = f"""#!{sys.executable}
import json, os, sys
if sys.argv[-2] == "complete":
    os.execv(sys.executable, [sys.executable, {str(TOOL)!r}, *sys.argv[-2:]])
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps(sys.argv) + "\\n")
"""


def prepare(shell, home):
    """The command that starts a shell with the completion, and what its environment has besides."""
    script = csms_completion.script(shell, [str(home / "tool")])
    if shell == "bash":
        (home / "rc").write_text(f"{script}\nPS1='{PROMPT}'\nbind 'set enable-bracketed-paste off'\n")
        return ["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"], {}
    if shell == "zsh":
        unpacked = TOOLCHAIN / "shells" / "usr"
        [modules] = unpacked.glob("lib/*/zsh/*")
        (home / ".zshenv").write_text(f"module_path=({modules})\nfpath=({unpacked}/share/zsh/functions/**/*(/))\n")
        (home / ".zshrc").write_text(f"{script}\nPS1='{PROMPT}'\n")
        return [str(TOOLCHAIN / "zsh"), "-d", "-i"], {"ZDOTDIR": str(home)}
    folder = home / ".config" / "fish"
    folder.mkdir(parents=True)
    (folder / "config.fish").write_text(f"{script}\nfunction fish_prompt; echo -n '{PROMPT}'; end\nset fish_greeting\n")
    return [str(TOOLCHAIN / "fish"), "-i"], {}


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell, home):
        for name in ("tool", "pilotlight-sim"):
            (home / name).write_text(PROGRAM)
            (home / name).chmod(0o755)
        self._notes = home / "notes"
        command, more = prepare(shell, home)
        environment = {"HOME": str(home), "PATH": f"{home}:/usr/bin:/bin", "TERM": "xterm", "LANG": "C.UTF-8",
                       "NOTES": str(self._notes), **more}  # fmt: skip
        self._shown = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            try:
                os.chdir(home)
                os.execvpe(command[0], command, environment)
            finally:  # a child that has no shell must not go on as pytest
                os._exit(127)
        self._prompts = 0

    def _read(self):
        while select.select([self._fd], [], [], 0)[0]:
            try:
                self._shown += os.read(self._fd, 65536).decode("utf-8", "replace")
            except OSError as error:  # the terminal's other end is closed
                raise AssertionError(f"the shell has ended; 'make setup' fetches zsh and fish: {self._shown[-500:]}") from error

    def _until(self, condition, what):
        def ready():
            self._read()
            return condition()

        wait_until(ready, 20, what, interval_s=0.02, state=lambda: repr(self._shown[-2000:]))

    def run(self, keys):
        """Type a line; the words of the command that it became."""
        self._until(lambda: self._shown.count(PROMPT) > self._prompts, "the prompt")
        before = self._noted()
        os.write(self._fd, keys.encode())
        self._prompts = self._shown.count(PROMPT)
        os.write(self._fd, b"\n")
        self._until(lambda: len(self._noted()) > len(before), f"the command that {keys!r} leads to")
        return self._noted()[-1][1:]

    def _noted(self):
        return [json.loads(line) for line in self._notes.read_text().splitlines()] if self._notes.exists() else []

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)


@pytest.mark.parametrize("shell", csms_completion.SHELLS)
def test_tab_completes_commands_actions_fields_values_and_files(shell, tmp_path):
    (tmp_path / "typeface").touch()  # no file is mixed into what csms may have there
    (tmp_path / "some").mkdir()
    for name in ("pro@1", "pro@2 b"):
        (tmp_path / "some" / name).touch()
    terminal = Terminal(shell, tmp_path)
    try:
        for keys, words in (
            ("csms cal\tCP1 Res\tt\t t\tH\t", ["call", "CP1", "Reset", "type=Hard"]),
            ("pilotlight-sim csms call CP1 TriggerM\treq\tHea\t",
             [*"csms call CP1 TriggerMessage requestedMessage=Heartbeat".split()]),
            ("csms call X:1 SetC\t@so\tpro\t2\t", ["call", "X:1", "SetChargingProfile", "@some/pro@2 b"]),
            ("pilotlight-sim trace show som\tpro\t2\t", ["trace", "show", "some/pro@2 b"]),
        ):  # fmt: skip
            assert terminal.run(keys) == words
    finally:
        terminal.close()
