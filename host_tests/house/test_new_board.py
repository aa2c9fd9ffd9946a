"""tools/new_board.py writes a folder that the checks accept, and nothing else has to know of it."""

import inspect

import check_board
import frozen
import image_size
import new_board
import provision
import pytest
import release
from board_definition import checks, loading
from provisioning import record
from ulp import assemble

from house import test_boards as board_tests

PINS = ("PILOT_PWM=18", "PILOT_ADC=0", "CONTACTOR_OUT=2", "CONTACTOR_FEEDBACK=3", "METER_SCL=7", "METER_SDA=6")
ESP32_PINS = ("PILOT_PWM=13", "PILOT_ADC=34", "CONTACTOR_OUT=4", "CONTACTOR_FEEDBACK=35", "METER_SCL=33", "METER_SDA=32")


@pytest.fixture(autouse=True)
def boards(tmp_path, monkeypatch):
    """A boards/ of the test's own."""
    folder = tmp_path / "boards"
    folder.mkdir()
    monkeypatch.setattr(loading, "BOARDS", folder)
    return folder


def words(*pins, chip="esp32c6", name="MY_BOARD", flash=8):
    return [name, "--chip", chip, "--flash", str(flash), *[word for pin in pins or PINS for word in ("--pin", pin)]]


def test_options_alone_make_a_board(boards, capsys):
    """Eight files, a definition without faults, and the tools list the board."""
    assert new_board.main(words()) == 0
    assert "boards/MY_BOARD/board.py" in capsys.readouterr().out
    folder = boards / "MY_BOARD"
    assert {path.name for path in folder.iterdir()} == {
        "board.py", "board.md", "pins.csv", "partitions.csv", "sdkconfig.board", "mpconfigboard.cmake", "mpconfigboard.h",
        "mpconfigvariant_PRODUCT.cmake",
    }  # fmt: skip
    data = loading.load(folder)
    assert loading.names() == ["MY_BOARD"] and loading.chip_of(folder).name == "esp32c6"
    assert check_board.sentences("MY_BOARD") == []
    assert data["OUTLETS"][0]["rcd"] is None and data["OUTLETS"][0]["max_da"] == 160
    assert record.iterations("MY_BOARD") == 1000
    assert provision._parser().parse_args(["--port", "x", "--board", "MY_BOARD"]).board == "MY_BOARD"


def test_release_makes_the_bundle_of_a_new_board_and_of_no_other(boards, tmp_path, capsys):
    """release.py knows no board by name: what it takes are the folders of boards/, and the slot is the board's."""
    assert new_board.main(words(flash=4)) == 0
    application, keys = tmp_path / "application.bin", tmp_path / "keys"
    assert release.main(["keys", str(keys)]) == 0
    build = ["build", "--version", "1.2.3", "--counter", "4", "--key", str(keys / "update.pem"), "--app", str(application),
             "-o", str(tmp_path / "a.plu"), "--board"]  # fmt: skip
    application.write_bytes(b"\xe9....1.2.3....")
    assert release.main([*build, "MY_BOARD"]) == 0
    assert b'"board":"MY_BOARD"' in (tmp_path / "a.plu").read_bytes()
    application.write_bytes(b"\xe91.2.3" + bytes(image_size.slot_bytes(boards / "MY_BOARD")))
    assert release.main([*build, "MY_BOARD"]) == 2
    assert f"the slot {image_size.slot_bytes(boards / 'MY_BOARD')}." in capsys.readouterr().err
    assert release.main([*build, "YOUR_BOARD"]) == 2
    assert "it must be one of SIM, MY_BOARD or a path with a /, not 'YOUR_BOARD'." in capsys.readouterr().err
    assert release.main([*build, "./YOUR_BOARD"]) == 2
    assert "the folder ./YOUR_BOARD is no folder of a board: it has no board.py." in capsys.readouterr().err


HELD = [getattr(board_tests, name) for name in dir(board_tests) if name.startswith("test_")]


@pytest.mark.parametrize("given", [words(), words(*ESP32_PINS, chip="esp32", flash=4)], ids=["esp32c6", "esp32"])
def test_a_written_board_passes_the_checks_of_our_own(boards, monkeypatch, given):
    """All of test_boards.py that takes a board: partitions, sdkconfig, divider, error budget, start-up pins, product, pages."""
    assert new_board.main(given) == 0
    (boards / "common").symlink_to(board_tests.COMMON)
    (boards.parent / "manifest.py").symlink_to(board_tests.ROOT / "manifest.py")
    monkeypatch.setattr(board_tests, "BOARDS", boards)
    names = {"name": "MY_BOARD", "board": loading.load(boards / "MY_BOARD")}
    ran = 0
    for check in HELD:
        wanted = list(inspect.signature(check).parameters)
        if wanted and set(wanted) <= set(names):
            check(**{one: names[one] for one in wanted})
            ran += 1
    assert ran >= 15


def test_the_slots_of_a_small_flash_are_as_large_as_those_of_our_own_board(boards):
    """With 4 MiB the image has its room, tools/image_size.py."""
    assert new_board.main(words(flash=4)) == 0
    assert image_size.slot_bytes(boards / "MY_BOARD") == image_size.slot_bytes(frozen.BOARD)


@pytest.mark.parametrize(("kind", "pins", "options"), [
    ("ct_adc", ("HOUSE_V_ADC=1", "HOUSE_I_ADC=3"), {"v_adc": 1, "i_adc": 3}),
    ("ade7953_i2c", ("HOUSE_SCL=7", "HOUSE_SDA=6"), {"bus": 0, "scl": 7, "sda": 6, "address": 56, "channel": "B"}),
])
def test_a_board_with_an_input_for_the_house(boards, kind, pins, options):
    others = [pin.replace("FEEDBACK=3", "FEEDBACK=19") for pin in PINS]
    assert new_board.main([*words(*others, *pins), "--house", kind]) == 0
    folder = boards / "MY_BOARD"
    data = loading.load(folder)
    assert data["HOUSE"] == [kind, options]
    assert {name.strip() for name in (folder / "pins.csv").read_text().replace(",", "=").replace("GPIO", "").split()} >= set(pins)
    assert checks.check("MY_BOARD", data, loading.chip_of(folder)) == []


def test_answers_make_the_same_board(boards):
    """Each question that the command line leaves open is asked; Enter leaves a part out."""
    pins = dict(pin.split("=") for pin in PINS)
    questions = []

    def answer_to(question):
        questions.append(question)
        if question.startswith("GPIO of "):
            return pins.get(question.split()[2], "")
        return {"Name": "my_board", "Chip": "esp32c6", "Model,": "My board"}.get(question.split()[0], "")

    assert new_board.main([], answer_to) == 0
    assert len(questions) > len(PINS) + 4
    assert loading.load(boards / "MY_BOARD")["OUTLETS"][0]["contactor"]["out"] == 2


LAN8720 = ("LAN_MDC=23", "LAN_MDIO=18", "LAN_REF_CLK=17")
W5500 = ("LAN_SCK=10", "LAN_MOSI=11", "LAN_MISO=20", "LAN_CS=21", "LAN_INT=22")


@pytest.mark.parametrize(("given", "lan"), [
    ([*words(*ESP32_PINS, *LAN8720, chip="esp32"), "--lan", "lan8720"],
     {"kind": "lan8720", "mdc": 23, "mdio": 18, "ref_clk": 17, "address": 1, "clock": "output"}),
    ([*words(*PINS, *W5500, "LAN_RESET=23"), "--lan", "w5500"],
     {"kind": "w5500", "bus": 1, "sck": 10, "mosi": 11, "miso": 20, "cs": 21, "int": 22, "reset": 23}),
])  # fmt: skip
def test_a_board_with_ethernet_has_its_pins_and_its_lines_in_the_build_files(boards, capsys, given, lan):
    """The checks accept it, the RMII pins stand in pins.csv, and no line of the build files is missing."""
    assert new_board.main(given) == 0, capsys.readouterr().err
    folder = boards / "MY_BOARD"
    data = loading.load(folder)
    assert data["LAN"] == lan
    assert check_board.sentences("MY_BOARD") == []
    written = dict(line.split(",GPIO") for line in (folder / "pins.csv").read_text().splitlines())
    assert {name: int(pin) for name, pin in written.items()} == checks.pins_of("MY_BOARD", data, loading.chip_of(folder))


def test_parts_of_one_kind_of_bus_take_one_each_while_one_is_free(boards, capsys):
    """An ESP32 has two UARTs and two SPI buses for parts: house and reader on the one kind, house and Ethernet on the other."""
    uart = ("HOUSE_TX=25", "HOUSE_RX=26", "READER_TX=18", "READER_RX=19")
    assert new_board.main([*words(*ESP32_PINS, *uart, chip="esp32"), "--house", "sdm630"]) == 0, capsys.readouterr().err
    data = loading.load(boards / "MY_BOARD")
    assert {data["HOUSE"][1]["bus"], data["OUTLETS"][0]["reader"]["uart"]} == {1, 2}
    spi = ("HOUSE_SCK=25", "HOUSE_MOSI=26", "HOUSE_MISO=27", "HOUSE_CS=16", "LAN_SCK=18", "LAN_MOSI=19", "LAN_MISO=39",
           "LAN_CS=21", "LAN_INT=36")
    given = [*words(*ESP32_PINS, *spi, chip="esp32", name="OTHER_BOARD"), "--house", "atm90e32", "--lan", "w5500"]
    assert new_board.main(given) == 0, capsys.readouterr().err
    data = loading.load(boards / "OTHER_BOARD")
    assert {data["HOUSE"][1]["bus"], data["LAN"]["bus"]} == {1, 2}


@pytest.mark.parametrize(("given", "code", "says"), [
    ([*words(*PINS, *LAN8720), "--lan", "lan8720"], 1, "has no RMII: only a W5500 fits"),
    ([*words(*PINS, *W5500[:-1]), "--lan", "w5500"], 2, "These pins are missing: LAN_INT."),
    (words(*PINS, "LAN_CS=21"), 2, "No part has the pin LAN_CS."),
    (words(*PINS[:-1]), 2, "These pins are missing: METER_SDA."),
    (words(*PINS, "RCD_TRIP=20"), 2, "These pins are missing: RCD_TEST."),
    (words(*PINS, "HEATER=20"), 2, "No part has the pin HEATER."),
    (words(*PINS, "TAMPER=x"), 2, "--pin must be NAME=NUMBER, not 'TAMPER=x'."),
    (words(*PINS, "TAMPER=2"), 1, "which board.SHARED.tamper uses already"),
    (words(*PINS, "TAMPER=28"), 1, "belongs to the module's flash"),
    (words(name="x"), 2, "The name must be"),
    ([*words(), "--model", 'My "best" board'], 2, "The model must have printable characters"),
    ([*words(), "--model", "a\nb"], 2, "The model must have printable characters"),
    ([*words(), "--meter-option", "scl=8"], 2, "scl is a pin of the meter: give it as --pin METER_SCL=GPIO."),
    (words(*PINS, "PILOT_PWM=19"), 2, "--pin PILOT_PWM is given twice."),
    ([*words(), "--reader", "rc522"], 2, "These pins are missing: READER_SCK, READER_MOSI, READER_MISO, READER_CS."),
    ([*words(), "--phases", "2"], 2, "Argument --phases: invalid choice: 2 (choose from 1, 3)."),
    (words(*PINS, "LED=20", "PIXEL=21"), 1, "has a led and a pixel, and a board has one status light"),
    ([*words(*PINS), "--psram", "quad"], 2, "There is no esp32c6 with quad PSRAM."),
])  # fmt: skip
def test_wrong_answers_leave_nothing_behind(boards, capsys, given, code, says):
    """One sentence a fault, and no folder."""
    assert new_board.main(given) == code
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert list(boards.iterdir()) == []


def test_each_reader_makes_a_board(boards):
    """A reader on I2C may be on the meter's bus, which a C6 has one of."""
    uses = {"pn532_i2c": "SCL=7 SDA=6", "pn532_uart": "TX=10 RX=11", "rc522": "SCK=10 MOSI=11 MISO=22 CS=23",
            "serial_ascii": "TX=10 RX=11"}  # fmt: skip
    assert set(uses) == set(loading.reader_kinds())
    for number, (kind, pins) in enumerate(uses.items()):
        name = f"BOARD_{number}"
        reader = [f"READER_{pin}" for pin in pins.split()]
        assert new_board.main([*words(*PINS, *reader, name=name), "--reader", kind]) == 0
        data = loading.load(boards / name)
        assert data["OUTLETS"][0]["reader"].get("kind", "serial_ascii") == kind
        assert checks.check(name, data, loading.chip_of(boards / name)) == []


def test_board_elsewhere_is_written_and_taken_by_its_path(boards, tmp_path, capsys):
    """Each tool takes the path with a /; boards/ has nothing of it."""
    folder = tmp_path / "mine" / "MY_BOARD"
    pins = ("PILOT_PWM=5", "PILOT_ADC=1", "CONTACTOR_OUT=6", "CONTACTOR_FEEDBACK=7", "METER_SCL=11", "METER_SDA=12")
    assert new_board.main(words(*pins, chip="esp32s3", name=str(folder), flash=4)) == 0
    said = capsys.readouterr().out
    assert f"{folder}/board.py" in said and f"--board {folder} " in said
    assert loading.names() == [] and check_board.sentences(str(folder)) == []
    with (folder / "board.py").open("a") as file:
        file.write("COPROCESSOR = True\n")
    assert "coprocessor_program/__init__.py is not the program" in check_board.sentences(str(folder))[0]
    assert assemble.main([str(folder)]) == 0 and check_board.sentences(str(folder)) == []
    assert record.iterations(str(folder)) == 3000
    assert provision._parser().parse_args(["--port", "x", "--board", str(folder)]).board == str(folder)
    application, keys = tmp_path / "application.bin", tmp_path / "keys"
    application.write_bytes(b"\xe9....1.2.3....")
    assert release.main(["keys", str(keys)]) == 0
    key = str(keys / "update.pem")
    assert release.main(["build", "--board", str(folder), "--version", "1.2.3", "--counter", "4", "--key", key,
                         "--app", str(application), "-o", str(tmp_path / "a.plu")]) == 0
    assert b'"board":"MY_BOARD"' in (tmp_path / "a.plu").read_bytes()


@pytest.mark.parametrize("name", ["my/board", "/proc/none/MY_BOARD"])
def test_board_elsewhere_that_cannot_be_written_is_one_sentence(name, capsys):
    """A folder's name that is none, a place that takes none."""
    assert new_board.main(words(name=name)) == 2
    said = capsys.readouterr().err
    assert said.startswith("new_board: ") and said.count("\n") == 1 and said.endswith(".\n"), said


def test_board_that_exists_is_kept(boards, capsys):
    """The folder of a board is never overwritten."""
    assert new_board.main(words()) == 0
    (boards / "MY_BOARD" / "board.md").write_text("mine")
    assert new_board.main(words()) == 2
    assert "exists already" in capsys.readouterr().err
    assert (boards / "MY_BOARD" / "board.md").read_text() == "mine"


def test_questions_without_a_terminal_name_the_missing_options(capsys):
    """Without a terminal the missing options are named."""
    def answer_to(question):
        raise EOFError

    assert new_board.main([], answer_to) == 2
    assert "--chip and --pin are needed" in capsys.readouterr().err
