"""The Containerfile without a container engine: its instructions, what it copies, and its steps in a clean Debian."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import ROOT

INSTRUCTIONS = {"FROM", "RUN", "COPY", "USER", "WORKDIR", "ENTRYPOINT", "CMD"}
ARCHIVE = "import sys; sys.path.insert(0, sys.argv[1] + '/tools/package'); import build_backend as b; " \
    "sys.stdout.buffer.write(b.archive_of(b.sources()))"


def steps():
    """(instruction, its text) of each step."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Containerfile").read_text()).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def copies():
    """(sources, target) of each COPY."""
    return [(words.split()[:-1], words.split()[-1]) for instruction, words in steps() if instruction == "COPY"]


def copy_into(root):
    """Do what the COPY steps do, below a folder."""
    for sources, target in copies():
        place = root / target.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        for source in (ROOT / name for name in sources):
            if source.is_dir():
                shutil.copytree(source, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, place)


def archive_of(root):
    return subprocess.run([sys.executable, "-I", "-c", ARCHIVE, root], capture_output=True, check=True).stdout


def test_each_instruction_is_one_that_engines_know_and_each_step_is_shell():
    assert {instruction for instruction, _ in steps()} <= INSTRUCTIONS
    assert steps()[0][0] == "FROM"
    for instruction, words in steps():
        if instruction == "RUN":
            subprocess.run(["sh", "-n", "-c", words], check=True)
        if instruction in ("ENTRYPOINT", "CMD"):
            assert all(isinstance(word, str) for word in json.loads(words))


def test_what_is_copied_makes_the_same_package_as_the_checkout(tmp_path):
    copy_into(tmp_path)
    assert archive_of(tmp_path / "src") == archive_of(ROOT)


def test_nothing_that_was_fetched_or_built_is_sent_to_the_engine():
    ignored = set((ROOT / ".containerignore").read_text().split())
    assert {".git", ".toolchain", ".venv", "build"} <= ignored


@pytest.mark.skipif("PILOTLIGHT_CHROOT" not in os.environ, reason="needs a clean Debian made by debootstrap, and root")
@pytest.mark.timeout(1200)
def test_the_steps_run_in_a_clean_debian():
    """PILOTLIGHT_CHROOT=DIR: `debootstrap --variant=minbase trixie DIR` has made it."""
    root, user, folder = Path(os.environ["PILOTLIGHT_CHROOT"]), "root", "/"
    copy_into(root)
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_CERT", "NODE_EXTRA"))}
    for instruction, words in steps():
        if instruction == "USER":
            user, env["HOME"] = words.strip(), f"/home/{words.strip()}"
        elif instruction == "WORKDIR":
            folder = words.strip()
        elif instruction == "RUN":
            shell = ["chroot", f"--userspec={user}", root, "sh", "-c", f"cd {folder} && {words}"]
            done = subprocess.run(shell, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    entry = [word for instruction, words in steps() if instruction in ("ENTRYPOINT", "CMD") for word in json.loads(words)]
    done = subprocess.run(["chroot", f"--userspec={user}", root, *entry], env=env, capture_output=True, text=True, check=True)
    assert "usage: pilotlight-sim" in done.stdout
