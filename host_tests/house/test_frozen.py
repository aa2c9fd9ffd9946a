"""The firmware freezes, as it has to for a board, and the image that comes of it fits into the board's slot."""

import subprocess
import sys

import frozen
import image_size
import pytest

from house.source import FIRMWARE, ROOT

BOARDS = sorted(path.parent for path in (ROOT / "boards").glob("*/mpconfigboard.cmake"))


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Place -> compiled module, of all that manifest.py freezes for the DevKitC."""
    folder = tmp_path_factory.mktemp("frozen")
    return frozen.compiled(frozen.manifest(folder), folder / "mpy")


@pytest.fixture(scope="module")
def size(modules):
    """Frozen bytes of all of them."""
    return frozen.frozen_bytes(modules)


def test_everything_freezes(modules, size, record_property):
    """mpy-cross and mpy-tool take every module of the firmware; the size is printed with `pytest -rP`."""
    assert {str(path.relative_to(FIRMWARE)) for path in FIRMWARE.rglob("*.py")} <= set(modules)
    record_property("frozen_bytes", size)
    print(f"{len(modules)} modules, {size:,} bytes frozen")
    assert 100_000 < size < 605_000


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_the_image_fits_its_slot(board, size):
    """The estimate of the image, with what the board's files leave out, against its partition table."""
    slot, parts = image_size.slot_bytes(board), image_size.left_out(board)
    image = image_size.image_bytes(size, parts)
    free = image_size.free_share(board, size)
    print(f"{board.name}: {image:,} of {slot:,} bytes, {100 * free:.1f} % free")
    assert free >= image_size.LEAST_FREE, f"{image:,} of {slot:,} bytes; left out: {parts}"


@pytest.fixture(scope="module")
def product_size(tmp_path_factory):
    """Frozen bytes of the PRODUCT variant."""
    return frozen.product_bytes(tmp_path_factory.mktemp("product"))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_product_image_leaves_more_of_the_slot_free(board, product_size):
    """It has no console on which line numbers could be printed, so it is frozen without them."""
    assert image_size.free_share(board, product_size, product=True) >= image_size.LEAST_FREE_PRODUCT


def test_estimate_follows_its_parameters(tmp_path):
    """Frozen bytes add up, parts that a board leaves out are taken off, the smallest slot counts."""
    assert image_size.image_bytes(1000, port_bytes=5000) == 6000
    assert image_size.image_bytes(1000, ["PPP"], port_bytes=50_000) == 51_000 - image_size.LEFT_OUT["PPP"][3]
    (tmp_path / "sdkconfig.board").write_text("CONFIG_LWIP_PPP_SUPPORT=n\n")
    (tmp_path / "mpconfigboard.h").write_text("#define MICROPY_HW_ENABLE_SDCARD (1)\n")
    assert image_size.left_out(tmp_path) == image_size.left_out(tmp_path, product=True) == ["PPP"]
    (tmp_path / "product.cmake").write_text("    MICROPY_ENABLE_COMPILER=0\n")
    assert image_size.left_out(tmp_path) == ["PPP"] and image_size.left_out(tmp_path, product=True) == ["PPP", "compiler"]
    rows = ("# a comment", "ota_0, app, ota_0, 0x10000, 0x1a0000,", "ota_1, app, ota_1, 0x1b0000, 0x190000,")
    (tmp_path / "partitions.csv").write_text("\n".join(rows))
    assert image_size.slot_bytes(tmp_path) == 0x190000


def test_text_that_cannot_be_frozen_is_reported(tmp_path):
    """A lone surrogate compiles, and mpy-tool cannot read it back."""
    source = tmp_path / "odd.py"
    source.write_text('LOW = "\\ud800"\n')
    with pytest.raises(frozen.FrozenError, match="mpy-tool"):
        frozen.frozen_bytes(frozen.compiled({"odd.py": source}, tmp_path / "mpy"))


def test_module_that_does_not_compile_is_reported(tmp_path):
    source = tmp_path / "odd.py"
    source.write_text("def\n")
    with pytest.raises(frozen.FrozenError, match=r"odd\.py does not compile"):
        frozen.compiled({"odd.py": source}, tmp_path / "mpy")


def test_sizes_by_module_add_up(modules, size):
    """Without the shared names the parts are the whole, largest first."""
    few = dict(sorted(modules.items())[:6])
    sizes = frozen.bytes_by_module(few)
    assert set(sizes) == set(few) and list(sizes.values()) == sorted(sizes.values(), reverse=True)
    assert 0 < sum(sizes.values()) < frozen.frozen_bytes(few) < size


SHOW = """
import sys
import charger.version, umqtt.simple
def has(name):
    try:
        __import__(name)
    except ImportError as error:
        return "no module named '" + name + "'" not in str(error)
    return True
print(charger.version.__file__, [name for name in ("main", "board", "inisetup") if has(name)])
"""


def test_interpreter_holds_the_charger_and_no_board():
    """Modules of the firmware come from the image; board.py and the port's own start are left to the simulated board."""
    done = subprocess.run([str(frozen.interpreter()), "-c", SHOW], capture_output=True, text=True, check=False, timeout=30,
                          env={"MICROPYPATH": ".frozen"})
    assert (done.returncode, done.stdout) == (0, "charger/version.py ['main']\n"), done.stderr


def test_interpreter_is_not_built_twice():
    """A file that is up to date is not written again."""
    program = frozen.interpreter()
    before = program.stat().st_mtime_ns
    assert frozen.interpreter().stat().st_mtime_ns == before


def test_interpreter_has_its_place_in_memory():
    """Position-independent code would take a third more of the processor time on i386."""
    frozen.interpreter()
    kind = (frozen.BUILD / "micropython").read_bytes()[16:18]
    assert int.from_bytes(kind, "little") == 2, "no ET_EXEC of ELF"


def test_sizes_are_printed_largest_first():
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "frozen.py"), "--sizes"], capture_output=True, text=True,
                          check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    numbers = [int(line.split()[0].replace(",", "")) for line in done.stdout.splitlines()]
    assert numbers[0] == max(numbers[:-5]) and "names" in done.stdout and "estimated" in done.stdout
