"""tools/micropython_patch.py on copies of the sources that the tool chain has patched."""

import re
import shutil
import subprocess

import micropython_patch
import pytest
import toolchain

FILES = re.findall(r"(?m)^diff --git a/(\S+) b/\1$", micropython_patch.PATCH.read_text())


def contents(tree):
    """Each file of the patch as it is."""
    return {name: (tree / name).read_bytes() for name in FILES}


@pytest.fixture
def patched(tmp_path):
    """The files as the tool chain has them."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toolchain.HOME / "src" / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def original(patched):
    """The same as MicroPython 1.25 has them."""
    subprocess.run(["git", "apply", "--reverse", str(micropython_patch.PATCH)], cwd=patched, check=True,
                   env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(patched.parent)})
    return patched


def test_sources_are_patched_once(original):
    assert "MICROPY_MODULE_FROZEN_DEFINITIONS" not in (original / "py" / "gc.c").read_text()
    assert micropython_patch.apply(original) is True
    assert contents(original) == contents(toolchain.HOME / "src")
    assert micropython_patch.apply(original) is False
    assert contents(original) == contents(toolchain.HOME / "src")


def test_sources_that_are_others_stay_as_they_are(original):
    """The last file of the patch does not fit: the ones before it are not changed either."""
    (original / FILES[-1]).write_text("another\n")
    before = contents(original)
    with pytest.raises(micropython_patch.PatchError, match=r"micropython\.patch does not fit the sources in"):
        micropython_patch.apply(original)
    assert contents(original) == before


def test_sources_of_another_patch_are_fetched_again(monkeypatch, tmp_path):
    """`make setup` goes by the hash of the patch that the sources have had."""
    assert toolchain.has_sources()
    other = tmp_path / "micropython.patch"
    other.write_bytes(micropython_patch.PATCH.read_bytes() + b"\n")
    monkeypatch.setattr(micropython_patch, "PATCH", other)
    assert not toolchain.has_sources()
