"""tools/device.py, which `make firmware`, `flash`, `deploy` and the others call: each says in one sentence what is missing."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import device
import image_size
import pytest
from board_definition import loading, staging

from house.source import ROOT

STEPS = ("firmware", "flash", "deploy", "provision", "calibrate", "monitor", "eol", "hil")
BOARD = "ESP32_S3_DEVKITC"


def script(folder, name, text):
    """An executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder that comes first on a PATH without an ESP-IDF."""
    folder = tmp_path / "bin"
    folder.mkdir()
    clean = [place for place in os.environ["PATH"].split(":") if not os.path.exists(f"{place}/idf.py")]
    monkeypatch.setenv("PATH", ":".join([str(folder), *clean]))
    return folder


def sentence(capsys, step):
    """The one line on stderr."""
    said = capsys.readouterr().err
    assert said.startswith(f"make {step}: ") and said.count("\n") == 1 and said.endswith(".\n"), said
    return said


@pytest.mark.parametrize("step", STEPS)
def test_make_has_the_step_and_calls_the_tool(step):
    """A rule of the Makefile with what it takes from the command line."""
    command = ["make", "-n", step, "BOARD=B", "PORT=/dev/p", "VARIANT=PRODUCT", "MPY_DIR=/m"]
    # As from a shell, also where make runs the tests.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    words = done.stdout.splitlines()[-1]
    assert f"tools/device.py {step} " in words
    assert ('--board "B"' in words) == (step in ("firmware", "flash", "deploy", "provision"))
    assert ('--port "/dev/p"' in words) == (step != "firmware")


@pytest.mark.parametrize(("words", "says"), [
    (["firmware"], "BOARD is missing: one of ESP32_"),
    (["firmware", "--board", "NONE"], "BOARD must be one of"),
    (["firmware", "--board", "/none/MINE"], "BOARD /none/MINE is no folder of a board: it has no board.py."),
    (["firmware", "--board", BOARD, "--mpy-dir", "/nowhere"], "/nowhere is no source tree of MicroPython"),
    (["flash", "--board", BOARD, "--mpy-dir", "/nowhere"], "PORT is missing"),
    (["flash", "--board", BOARD, "--port", "/dev/null", "--mpy-dir", "/nowhere"], "run 'make firmware BOARD="),
    (["flash", "--board", BOARD, "--port", "/dev/null", "--mpy-dir", "/nowhere", "--variant", "PRODUCT"],
     f"run 'make firmware BOARD={BOARD} VARIANT=PRODUCT' first."),
    (["deploy", "--board", BOARD], "PORT is missing"),
    (["deploy", "--board", BOARD, "--port", "/dev/nothing"], "There is no /dev/nothing; "),
    (["provision"], "PORT is missing"), (["provision", "--port", "/dev/null"], "BOARD is missing: one of ESP32_"),
    (["calibrate"], "PORT is missing"), (["monitor"], "PORT is missing"),
    (["hil", "--port", "/dev/null"], "JIG is missing"), (["hil", "--jig", "/dev/null"], "PORT is missing"),
    (["hil", "--port", "/dev/null", "--jig", "/dev/nothing"], "There is no /dev/nothing; "),
    (["eol"], "PORT is missing"), (["eol", "--port", "/dev/null"], "JIG is missing"),
    (["monitor", "--port", "/etc/hostname"], "/etc/hostname is no serial port."),
    (["flash", "--board", BOARD, "--port", "/dev/null", "--variant", "product"],
     "VARIANT must be PRODUCT or be left away, not 'product'."),
])  # fmt: skip
def test_missing_prerequisite_is_one_sentence_and_exit_code_2(words, says, capsys):
    """Exit code 2, before anything is done."""
    assert device.main(words) == 2
    assert says in sentence(capsys, words[0])


def test_esptool_that_is_missing_is_named(capsys, monkeypatch):
    """The sentence says where to get it; nothing was written."""
    monkeypatch.setattr(device.shutil, "which", lambda name: None)
    monkeypatch.setattr(device, "flash_command", lambda *given: [])
    assert device.main(["flash", "--board", BOARD, "--port", "/dev/null"]) == 2
    assert "esptool is missing: it comes with the ESP-IDF" in sentence(capsys, "flash")


@pytest.mark.parametrize("words", [["deploy", "--board", BOARD], ["provision", "--board", BOARD], ["calibrate"], ["monitor"],
                                   ["eol", "--jig", "/dev/null"]], ids=lambda words: words[0])
def test_mpremote_that_is_missing_is_named(words, capsys, monkeypatch):
    """An environment that was not set up."""
    monkeypatch.setattr(device.sys, "executable", shutil.which("false"))
    assert device.main([*words, "--port", "/dev/null"]) == 2
    assert "mpremote is missing: run 'make setup'." in sentence(capsys, words[0])


def test_port_without_rights_is_named(capsys, monkeypatch):
    """The group that may use it."""
    monkeypatch.setattr(device.os, "access", lambda path, mode: False)
    assert device.main(["monitor", "--port", "/dev/null"]) == 2
    assert "/dev/null must not be opened: on Debian its users are in the group dialout." in sentence(capsys, "monitor")


def test_a_tools_own_refusal_stays_one_sentence_and_its_exit_code(capfd):
    """provision.py says what is wrong with ARGS; nothing is added."""
    assert device.main(["provision", "--board", BOARD, "--port", "/dev/null", "--", "--serial", "x" * 26]) == 2
    assert "ended with exit code" not in capfd.readouterr().err


def test_wrong_words_are_one_sentence(capsys):
    """Without the usage of a tool that make calls."""
    for words in (["erase"], ["flash", "--bogus", "x"]):
        with pytest.raises(SystemExit, match="2"):
            device.main(words)
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", loading.names())
def test_debians_sources_go_up_to_the_compiler(name, tools, capsys, monkeypatch):
    """Definition, frozen modules against the slot, and pins are done; the compiler is the one thing missing."""
    if name != BOARD:  # freezing takes seconds, and test_frozen.py holds the estimate of each board
        monkeypatch.setattr(device, "estimate", lambda *_: (1_600_000, 1_703_936))
    assert device.main(["firmware", "--board", name]) == 2
    said = capsys.readouterr()
    assert "definition without faults" in said.out and "pins.csv: taken by the port's generator" in said.out
    assert "bytes estimated from the frozen modules, slot " in said.out and "% free" in said.out
    assert said.err.startswith("make firmware: The compiler is missing: install ESP-IDF 5.2") and said.err.count("\n") == 1


@pytest.mark.parametrize(("idf", "gcc", "says"), [
    ("ESP-IDF v5.1.4", True, "ESP-IDF v5.1.4 does not fit"), ("ESP-IDF v6.0", True, "does not fit"), ("", True, "does not fit"),
    ("ESP-IDF v5.3", False, "The compiler xtensa-esp32s3-elf-gcc is missing"),
])  # fmt: skip
def test_wrong_esp_idf_is_named(idf, gcc, says, tools, capsys, monkeypatch):
    """Version and compiler of the chip."""
    monkeypatch.setattr(device, "estimate", lambda *_: (1, 2))
    script(tools, "idf.py", f"echo {idf}")
    if gcc:
        script(tools, "xtensa-esp32s3-elf-gcc", "exit 0")
    assert device.main(["firmware", "--board", BOARD]) == 2
    assert says in sentence(capsys, "firmware")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A source tree whose Makefiles write down what they were asked for, and build an image."""
    source = tmp_path / "micropython"
    for part in ("ports/esp32/boards", "mpy-cross", "py"):
        (source / part).mkdir(parents=True)
    real = ROOT / ".toolchain" / "src"
    for name in ("make-pins.py", "pins_prefix.c"):
        shutil.copy(real / "ports" / "esp32" / "boards" / name, source / "ports/esp32/boards" / name)
    shutil.copytree(real / "tools", source / "tools")
    (source / "py" / "mpconfig.h").write_text("#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 25\n")
    (source / "mpy-cross" / "Makefile").write_text("all:\n\t@echo cross >> ../asked\n")
    (source / "ports" / "esp32" / "Makefile").write_text(
        "NAME = build-$(notdir $(BOARD_DIR))$(if $(BOARD_VARIANT),-$(BOARD_VARIANT))\n"
        "all:\n\t@echo all $(NAME) >> ../../asked\n\t@mkdir -p $(NAME)/bootloader $(NAME)/partition_table\n"
        "\t@cd $(NAME) && touch bootloader/bootloader.bin partition_table/partition-table.bin ota_data_initial.bin\n"
        "\t@head -c 1000 /dev/zero > $(NAME)/micropython.bin\nsubmodules:\n\t@echo submodules >> ../../asked\n"
    )
    monkeypatch.setattr(device.micropython_patch, "apply", lambda tree: (tree / "patched").write_text("") == 0)
    return source


def test_build_and_flash_by_the_ports_own_ways(tree, tools, capfd, monkeypatch):
    """mpy-cross, submodules, the image; then each part at its place: nvs, phy_init and vfs are not written."""
    monkeypatch.setattr(device, "estimate", lambda *_: (1, 2_097_152))
    script(tools, "idf.py", "echo ESP-IDF v5.2.2")
    script(tools, "xtensa-esp32s3-elf-gcc", "exit 0")
    script(tools, "esptool.py", f'echo "$@" > {tree}/flashed')
    words = ["--board", BOARD, "--variant", "PRODUCT", "--mpy-dir", str(tree)]
    assert device.main(["firmware", *words]) == 0
    assert (tree / "asked").read_text().split("\n")[:3] == ["cross", "submodules", f"all build-{BOARD}-PRODUCT"]
    assert (tree / "patched").exists()
    assert "1,000 of 2,097,152 bytes" in capfd.readouterr().out
    assert device.main(["flash", *words, "--port", "/dev/null"]) == 0
    flashed = (tree / "flashed").read_text().split()
    assert flashed[:5] == ["--chip", "esp32s3", "--port", "/dev/null", "write_flash"]
    assert [word for word in flashed[5:] if word.startswith("0x")] == ["0x0", "0x8000", "0xd000", "0x10000"]
    assert not any("firmware.bin" in word for word in flashed)


@pytest.mark.parametrize("name", loading.names())
def test_deployed_are_the_files_of_the_image_but_the_ports_and_boot(name, tmp_path, monkeypatch):
    """Also what lies in the board's folder: the co-processor's program, without which a board that names it does not start."""
    def compiled(files, folder):
        folder.mkdir(parents=True)
        return {place: (folder / place).with_suffix(".mpy") for place in files}

    monkeypatch.setattr(device, "STAGE", tmp_path / "deploy")
    monkeypatch.setattr(device.frozen, "compiled", compiled)
    frozen = device.frozen.manifest(tmp_path, loading.BOARDS / name)
    wanted = {place for place in frozen if not place.startswith(("asyncio/", "uasyncio", "_boot"))}
    names = device.stage(loading.BOARDS / name)
    assert {place.replace(".mpy", ".py") for place in names} == wanted and names[-2:] == ["boot.py", "main.py"]
    program = loading.load(loading.BOARDS / name).get("COPROCESSOR", False)
    assert ("coprocessor_program/__init__.mpy" in names) is program and "board.mpy" in names


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A copy of the board's folder that is not in boards/."""
    monkeypatch.setattr(staging, "TREES", tmp_path / "trees")
    return Path(shutil.copytree(loading.BOARDS / BOARD, tmp_path / "elsewhere" / BOARD))


def test_board_elsewhere_is_built_by_its_path(elsewhere, tree, tools, capfd, monkeypatch):
    """Its files find what the boards share; a product of it has the same modules. Its own folder stays as it was."""
    before = sorted(elsewhere.rglob("*"))
    script(tools, "idf.py", "echo ESP-IDF v5.2.2")
    script(tools, "xtensa-esp32s3-elf-gcc", "exit 0")
    with (tree / "ports" / "esp32" / "Makefile").open("a") as file:
        file.write("\t@cat $(BOARD_DIR)/../common/product.cmake $(BOARD_DIR)/../../manifest.py > ../../read\n")
    words = ["--board", str(elsewhere), "--variant", "PRODUCT", "--mpy-dir", str(tree)]
    assert device.main(["flash", *words, "--port", "/dev/null"]) == 2
    assert f"run 'make firmware BOARD={elsewhere} VARIANT=PRODUCT' first." in capfd.readouterr().err
    assert device.main(["firmware", *words]) == 0
    image = device.estimate(loading.BOARDS / BOARD, "PRODUCT")[0]
    assert f"image: {image:,} bytes estimated" in capfd.readouterr().out
    assert "manifest_product.py" in (tree / "read").read_text() and "coprocessor_program" in (tree / "read").read_text()
    assert sorted(elsewhere.rglob("*")) == before
    assert device.board(str(elsewhere)).parent.parent.parent == staging.TREES and device.board(BOARD) == loading.BOARDS / BOARD


def test_board_elsewhere_is_checked_before(elsewhere, capsys):
    """The sentence names it as it was given."""
    text = (elsewhere / "board.py").read_text()
    (elsewhere / "board.py").write_text(text.replace("max_da=160", "max_da=3200"))
    assert device.main(["firmware", "--board", str(elsewhere)]) == 2
    assert f"The definition of {elsewhere} is wrong: " in sentence(capsys, "firmware")


def test_the_estimate_is_that_of_the_variant(monkeypatch):
    """A product has other modules than the plain image, and no compiler."""
    monkeypatch.setattr(device.frozen, "product_bytes", lambda work, folder: 1000)
    monkeypatch.setattr(device.frozen, "compiled", lambda *_: {})
    monkeypatch.setattr(device.frozen, "frozen_bytes", lambda modules: 3000)
    folder = loading.BOARDS / BOARD
    compiler = image_size.LEFT_OUT["compiler"][3]
    assert device.estimate(folder, "")[0] - device.estimate(folder, "PRODUCT")[0] == 2000 + compiler


def test_image_that_does_not_fit_is_not_built(tools, capsys, monkeypatch):
    """The estimate against the slot."""
    monkeypatch.setattr(device, "estimate", lambda *_: (3_000_000, 2_097_152))
    assert device.main(["firmware", "--board", BOARD]) == 2
    assert "The image would not fit: 3,000,000 bytes" in sentence(capsys, "firmware")


def test_micropython_with_other_changes_is_refused(tree, tools, capsys, monkeypatch):
    """The patch has to fit before anything is built."""
    def apply(tree):
        raise device.micropython_patch.PatchError("micropython.patch does not fit")

    monkeypatch.setattr(device.micropython_patch, "apply", apply)
    assert device.main(["firmware", "--board", BOARD, "--mpy-dir", str(tree)]) == 2
    assert "micropython.patch does not fit. A checkout of MicroPython 1.25 without changes" in sentence(capsys, "firmware")
    assert not (tree / "asked").exists()


def test_another_micropython_is_refused(tree, capsys, monkeypatch):
    """The charger is built with one version."""
    (tree / "py" / "mpconfig.h").write_text("#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 24\n")
    assert device.main(["firmware", "--board", BOARD, "--mpy-dir", str(tree)]) == 2
    assert "is MicroPython 1.24, and the charger is built with 1.25" in sentence(capsys, "firmware")
