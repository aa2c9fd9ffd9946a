"""The command pilotlight-sim: simulated chargers for a back end, without a checkout.

The files of the project lie in project.zip. The first use unpacks them into the user's cache, fetches MicroPython (and what
the charger's page or the panel are built with, when one of them is asked for) and checks it, as `make setup` does in a checkout.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

VARIABLE = "PILOTLIGHT_SIM_HOME"
ARCHIVE = Path(__file__).resolve().parent / "project.zip"
# Command -> (program below tools/, words before the user's, what it needs: nothing, chargers, or a page that is built), and text.
COMMANDS = {
    "simulate": ("simulate.py", (), ("--chargers",), "run a charger"),
    "ctl": ("ctl.py", (), (), "drive a running charger: plug_in, swipe CARD, raise_fault NAME, ..."),
    "fleet": ("fleet.py", (), ("--chargers",), "run many chargers"),
    "scenario": ("scenario.py", (), ("--chargers",), "run scenario files against a back end"),
    "trace": ("trace.py", (), (), "show, filter and compare recorded messages"),
    "csms": ("csms.py", (), (), "be a back end, or make a back end's calls"),
    "panel": ("demo.py", ("--stay", "--no-session"), ("--chargers", "--page"), "chargers and a back end, in the browser"),
    "demo": ("demo.py", (), ("--chargers", "--page"), "a session from boot to bill"),
}
_HELP = f"""usage: pilotlight-sim COMMAND ...

Simulated EV chargers that run the firmware as it ships. `pilotlight-sim COMMAND --help` lists a command's options.

{{commands}}
  setup     fetch now what the first use would fetch; --page: what the panel and --web need as well,
            --frozen: a C compiler for chargers of a third of the memory
  path      print the folder of the project's files (scenarios: tools/scenarios)

What is fetched and built lies in {VARIABLE}, else in $XDG_CACHE_HOME/pilotlight-sim, else in ~/.cache/pilotlight-sim.
"""


class Failed(Exception):
    """Why nothing can be started, as one sentence."""


def home():
    """The folder that this user's files go to."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return Path(cache).absolute() / "pilotlight-sim"


def unpacked():
    """The folder with the project's files, unpacked when it is not there yet; Failed when it cannot be."""
    top = home()
    tree = top / hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()[:16]
    try:
        top.mkdir(parents=True, exist_ok=True)
        if not tree.is_dir():
            with (top / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _unpack(top, tree)
    except OSError as error:
        raise Failed(f"'{top}' cannot be used: {error.strerror}. Name another folder in {VARIABLE}.") from error
    return tree


def _unpack(top, tree):
    if tree.is_dir():  # another process was faster
        return
    new = tree.with_suffix(".new")
    with zipfile.ZipFile(ARCHIVE) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, new))
            path.chmod(entry.external_attr >> 16)
    (top / "toolchain").mkdir(exist_ok=True)  # the next version finds it there
    if not (new / ".toolchain").is_symlink():
        (new / ".toolchain").symlink_to(Path("..") / "toolchain")
    new.rename(tree)


def fetch(tree, words):
    """Bring what is missing; Failed when that did not work, after setup.py has said why."""
    done = subprocess.run([sys.executable, str(tree / "tools" / "setup.py"), *words], check=False, stdout=sys.stderr)
    if done.returncode:
        raise SystemExit(done.returncode)


def _usage():
    lines = [f"  {name:<10}{text}" for name, (_, _, _, text) in COMMANDS.items()]
    return _HELP.format(commands="\n".join(lines))


def _start(name, words):
    """Become the program of a command."""
    if name not in (*COMMANDS, "setup", "path"):
        raise Failed(f"There is no command '{name}'; --help lists them.")
    tree = unpacked()
    if name == "path":
        print(tree)
        return 0
    if name == "setup":
        fetch(tree, ["--chargers", *words])
        return 0
    program, first, needs, _ = COMMANDS[name]
    needs = list(needs)
    if "--web" in words or any(word.startswith("--web=") for word in words):
        needs.append("--page")
    if needs and not {"-h", "--help"} & set(words):
        fetch(tree, needs)
    command = [sys.executable, str(tree / "tools" / program), *first, *words]
    return os.execv(command[0], command)  # its exit code and its signals are the program's own


def main(words=None):
    """Exit code, where no other program was started."""
    words = sys.argv[1:] if words is None else words
    if not words or words[0] in ("-h", "--help"):
        print(_usage(), end="")
        return 0 if words else 2
    try:
        return _start(words[0], words[1:])
    except Failed as error:
        print(f"pilotlight-sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pilotlight-sim: stopped.", file=sys.stderr)
        return 130
