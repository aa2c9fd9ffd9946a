"""Wrong board definitions are refused, each with one sentence that names the place. The right ones stand in test_boards.py."""

import copy
import shutil

import check_board
import pytest
from board_definition import build_files, checks, loading
from board_definition.chips import CHIPS

BOARDS = {name: loading.load(loading.BOARDS / name) for name in ("ESP32_DEVKITC", "ESP32_S3_DEVKITC")}


def changed(name, *changes):
    """The data of a board with (path, value) changes; a value of None at `meter` and the like is a value too."""
    data = copy.deepcopy(BOARDS[name])
    for path, value in changes:
        *steps, last = path
        place = data
        for step in steps:
            place = place[step]
        if value is DELETED:
            del place[last]
        else:
            place[last] = value
    return data


DELETED = object()
OUTLET = ("OUTLETS", 0)
BARE_SPI = {"bus": 2, "sck": 14, "mosi": 23, "miso": 4}
SPI = {**BARE_SPI, "cs": 32}
UART = {"bus": 1, "tx": 23, "rx": 32}
W5500 = {"kind": "w5500", **SPI, "int": 17}
LAN8720 = {"kind": "lan8720", "mdc": 23, "mdio": 18, "address": 0, "clock": "output", "ref_clk": 17}
OLED = {"kind": "ssd1306", "bus": 0, "scl": 22, "sda": 21}
NFC = {"kind": "pn532_i2c", "bus": 0, "scl": 22, "sda": 21}
CHANNEL_A = ["ade7953_i2c", {"bus": 0, "scl": 22, "sda": 21, "address": 0x38}]
# name -> (changes to ESP32_DEVKITC, words of the sentence)
WRONG = {
    # the definitions that an earlier check let pass
    "meter MISO on the contactor's pin": ([((*OUTLET, "meter"), ["ade7953_spi", {**SPI, "miso": 26}])],
                                          "meter.miso is on GPIO26, which OUTLETS[0].contactor.out uses already"),
    "meter RX on the contactor's pin": ([((*OUTLET, "meter"), ["bl0942", {**UART, "rx": 26}])],
                                        "meter.rx is on GPIO26, which OUTLETS[0].contactor.out uses already"),
    "meter SCK on a flash pin": ([((*OUTLET, "meter"), ["ade7953_spi", {**SPI, "sck": 6}])], "sck is on GPIO6, which belongs"),
    "max_da ten times too high": ([((*OUTLET, "max_da"), 3200)], "max_da is 3200 and must be 60 to 800"),
    "LATE_TICK_MS of 100 s": ([(("LATE_TICK_MS",), 100000)], "LATE_TICK_MS is 100000 and must be 40 to 100"),
    "unknown meter": ([((*OUTLET, "meter"), ["ade7854", {"bus": 0}])], "names the unknown driver 'ade7854'"),
    "meter and reader on one UART": ([((*OUTLET, "meter"), ["bl0942", {**UART, "bus": 2}])], "UART 2, which OUTLETS"),
    "reader on UART 1 without pins": ([((*OUTLET, "reader"), {"uart": 1})], "reader lacks 'tx'"),
    "reader on the console": ([((*OUTLET, "reader"), {"uart": 0, "tx": 17, "rx": 16})], "UART 0 is the console"),
    "unknown reader": ([((*OUTLET, "reader"), {"uart": 2, "tx": 17, "rx": 16, "kind": "wiegand"})],
                       "reader names the unknown driver 'wiegand'; there are pn532_i2c, pn532_uart, rc522, serial_ascii"),
    "PN532 without a bus": ([((*OUTLET, "reader"), {"kind": "pn532_i2c", "scl": 22, "sda": 21})], "reader is on I2C None"),
    "PN532 without pins": ([((*OUTLET, "reader"), {"kind": "pn532_i2c", "bus": 0})], "reader lacks 'scl'"),
    "PN532 at another address": ([((*OUTLET, "reader"), {**NFC, "address": 0x48})], "reader.address is 72 and must be 36 to 36"),
    "PN532 too slow": ([((*OUTLET, "reader"), {**NFC, "bus": 1, "scl": 4, "sda": 23, "freq": 10_000})],
                       "reader.freq is 10000 and must be 100000 to 400000"),
    "PN532 on the meter's bus at another speed": ([((*OUTLET, "reader"), {**NFC, "freq": 100_000})],
                                                  "reader drives I2C 0 with 100000 Hz and OUTLETS[0].meter with 400000 Hz"),
    "PN532 on the meter's bus with pins of its own": ([((*OUTLET, "reader"), {**NFC, "scl": 4})],
                                                      "reader gives I2C 0 other pins than OUTLETS[0].meter"),
    "PN532 on a UART without a number": ([((*OUTLET, "reader"), {"kind": "pn532_uart", "bus": 2, "tx": 17, "rx": 16})],
                                         "a reader on a UART names it with 'uart'"),
    "RC522 without a chip select": ([((*OUTLET, "reader"), {"kind": "rc522", **BARE_SPI})], "reader lacks 'cs'"),
    "RC522 on the meter's SPI": ([((*OUTLET, "meter"), ["ade7953_spi", SPI]),
                                  ((*OUTLET, "reader"), {"kind": "rc522", **SPI, "cs": 17})],
                                 "reader drives SPI 2 with mode 0 and OUTLETS[0].meter with mode 3"),
    "unknown display": ([(("DISPLAY",), {"kind": "hd44780", "bus": 0})],
                        "DISPLAY names the unknown driver 'hd44780'; there are ssd1306"),
    "display that is a name": ([(("DISPLAY",), "ssd1306")], "DISPLAY must be a dictionary or None"),
    "display without pins": ([(("DISPLAY",), {"kind": "ssd1306", "bus": 0, "sda": 21})], "DISPLAY lacks 'scl'"),
    "display at another address": ([(("DISPLAY",), {**OLED, "address": 0x78})], "DISPLAY.address is 120 and must be 60 to 61"),
    "display on the contactor's pin": ([(("DISPLAY",), {**OLED, "bus": 1, "scl": 26})], "DISPLAY.scl is on GPIO26, which"),
    "reader with a meter's option": ([((*OUTLET, "reader"), {**NFC, "export": True})], "reader has an unknown option 'export'"),
    "no FLASH_ROOT": ([(("FLASH_ROOT",), DELETED)], "board lacks the key 'FLASH_ROOT'"),
    "contactor on an input": ([((*OUTLET, "contactor", "out"), 34)], "contactor.out is an output on GPIO34"),
    "pilot read by ADC2": ([((*OUTLET, "pilot", "adc"), 4)], "on ADC2 and cannot be read while Wi-Fi runs"),
    "LED on the contactor's pin": ([(("SHARED", "led"), 26)], "contactor.out is on GPIO26, which board.SHARED.led uses already"),
    "pixel on the pilot's pin": ([(("SHARED", "pixel"), 25)], "which board.SHARED.pixel uses already"),
    "pixel on an input": ([(("SHARED", "pixel"), 34)], "SHARED.pixel is an output on GPIO34"),
    "two uses of one pin": ([((*OUTLET, "rcd", "trip"), 35)], "GPIO35, which OUTLETS[0].contactor.feedback uses already"),
    # others of each kind
    "pin beyond the chip": ([((*OUTLET, "pilot", "pwm"), 40)], "is 40, which is no GPIO of the esp32"),
    "pin that is not bonded": ([((*OUTLET, "pilot", "pwm"), 24)], "is 24, which is no GPIO of the esp32"),
    "pin as text": ([((*OUTLET, "pilot", "pwm"), "25")], "is '25', which is no GPIO"),
    "negative pin": ([((*OUTLET, "pilot", "pwm"), -1)], "is -1, which is no GPIO"),
    "contactor on a strapping pin": ([((*OUTLET, "contactor", "out"), 12)], "read as a strapping pin at reset"),
    "trip input on a strapping pin": ([((*OUTLET, "rcd", "trip"), 12)], "read as a strapping pin at reset"),
    "self-test that pulses at reset": ([((*OUTLET, "rcd", "test"), 14)], "rcd.test is on GPIO14, which pulses at reset"),
    "co-processor beside a meter on ADC1": ([((*OUTLET, "meter"), ["ct_adc", {"v_adc": 32, "i_adc": 37}])],
                                            "COPROCESSOR is True, and a meter on ADC1 leaves no time"),
    "no outlet for the co-processor": ([(("OUTLETS",), [])], "COPROCESSOR is True, and the program watches one outlet"),
    "co-processor that is a word": ([(("COPROCESSOR",), "ulp")], "COPROCESSOR is 'ulp' and must be"),
    "contactor that is no RTC GPIO": ([((*OUTLET, "contactor", "out"), 23)], "no RTC GPIO, so that the co-processor"),
    "button on the console": ([(("SHARED", "button"), 3)], "belongs to the console"),
    "thermistor without an ADC": ([((*OUTLET, "ntc", "adc"), 23)], "has no ADC"),
    "rails out of reach": ([((*OUTLET, "pilot", "rail_mv"), 5000)], "rail_mv is 5000 and must be 3000 to 3600"),
    "divider without headroom": ([((*OUTLET, "pilot", "r3"), 68000)], "beyond the 200 to 2400 mV"),
    "divider of ohms instead of kilohms": ([((*OUTLET, "pilot", "r1"), 220)], "r1 is 220 and must be"),
    "phases of a delta": ([((*OUTLET, "phases"), 2)], "phases is 2 and must be 1 or 3"),
    "meter of one phase for three": ([((*OUTLET, "phases"), 3)], "measures 1 phase of an outlet with 3"),
    "contactor that closes in a minute": ([((*OUTLET, "contactor", "close_ms"), 60000)], "close_ms is 60000"),
    "contactor that opens too late": ([((*OUTLET, "contactor", "open_ms"), 101)], "open_ms is 101 and must be 5 to 100"),
    "time as a float": ([((*OUTLET, "contactor", "open_ms"), 50.0)], "open_ms is 50.0"),
    "current as a truth": ([((*OUTLET, "max_da"), True)], "max_da is True"),
    "misspelt key": ([((*OUTLET, "contactor", "opn_ms"), 50)], "contactor has an unknown key 'opn_ms'"),
    "missing feedback": ([((*OUTLET, "contactor", "feedback"), DELETED)], "contactor lacks the key 'feedback'"),
    "no contactor": ([((*OUTLET, "contactor"), None)], "contactor is None and must be a dictionary"),
    "no reader key": ([((*OUTLET, "reader"), DELETED)], "lacks the key 'reader'"),
    "unknown part": ([((*OUTLET, "heater"), {"out": 4})], "has an unknown key 'heater'"),
    "lock without proximity": ([((*OUTLET, "lock"), {"out": 4, "feedback": 32, "move_ms": 500})], "has a lock and no proximity"),
    "meter at an address that it has not": ([((*OUTLET, "meter", 1, "address"), 0x39)], "meter.address is 57"),
    "meter option misspelt": ([((*OUTLET, "meter", 1, "chanel"), "A")], "meter has an unknown option 'chanel'"),
    "meter on a bus that is not there": ([((*OUTLET, "meter", 1, "bus"), 2)], "is on I2C 2, and the esp32 has 0, 1"),
    "meter without chip select": ([((*OUTLET, "meter"), ["ade7953_spi", BARE_SPI])], "lacks 'cs'"),
    "I2C without pins": ([((*OUTLET, "meter"), ["ade7953_i2c", {"bus": 0}])], "meter lacks 'scl'"),
    "I2C too fast": ([((*OUTLET, "meter", 1, "freq"), 1_000_000)], "meter.freq is 1000000"),
    "mains of 16 Hz": ([((*OUTLET, "meter"), ["bl0942", {**UART, "hertz": 55}])], "hertz is 55 and must be 50 or 60"),
    "another board's name": ([(("NAME",), "ESP32")], "must be the folder's name"),
    "file system below the root": ([(("FLASH_ROOT",), "/flash")], "FLASH_ROOT is '/flash' and must be ''"),
    "no outlet": ([(("OUTLETS",), [])], "OUTLETS must have 1 to 4 entries"),
    "page without a port": ([(("WEB",), "0.0.0.0")], "WEB is '0.0.0.0' and must be ADDRESS:PORT"),
    "page at a port beyond 16 bits": ([(("WEB",), "0.0.0.0:99999")], "WEB is '0.0.0.0:99999' and must be ADDRESS:PORT"),
    "page at no address": ([(("WEB",), "999.0.0.1:443")], "WEB is '999.0.0.1:443' and must be ADDRESS:PORT"),
    "page at the port of the set-up": ([(("WEB",), "0.0.0.0:80")],
                                       "SETUP_PORTS.http is 80, which is the port of board.WEB as well"),
    "model that OCPP cannot carry": ([(("DEVICE", "model"), "x" * 21)],
                                     "DEVICE.model is 'xxxxxxxxxxxxxxxxxxxxx' and must have 1 to 20"),
    "no vendor": ([(("DEVICE", "vendor"), "")], "DEVICE.vendor is '' and must have 1 to 20 printable"),
    "export as a number": ([((*OUTLET, "meter", 1, "export"), 1)], "meter.export is 1 and must be False or True"),
    "SCL and SDA on one pin": ([((*OUTLET, "meter", 1, "scl"), 21)],
                               "meter.sda is on GPIO21, which OUTLETS[0].meter.scl uses already"),
    "two meters on one channel": ([(("OUTLETS",), [BOARDS["ESP32_DEVKITC"]["OUTLETS"][0]] * 2)],
                                  "OUTLETS[1].meter has the address 56 on I2C 0, which OUTLETS[0].meter has already"),
    "laboratory unit": ([(("LAB",), True)], "LAB is True and must be False"),
    "handshake as text": ([(("HANDSHAKE_MS",), "1200")], "HANDSHAKE_MS is '1200'"),
    "unknown Ethernet chip": ([(("LAN",), {"kind": "enc28j60"})],
                              "LAN must be None or a dictionary whose 'kind' is lan8720 or w5500"),
    "Ethernet that is a name": ([(("LAN",), "w5500")], "LAN must be None or a dictionary"),
    "W5500 without an interrupt": ([(("LAN",), {"kind": "w5500", **SPI})], "LAN lacks the key 'int'"),
    "W5500 without a bus": ([(("LAN",), {"kind": "w5500", "sck": 14, "mosi": 23, "miso": 4, "cs": 32, "int": 13}),
                             (("SHARED", "rails"), None)], "LAN is on SPI None, and the esp32 has 1, 2"),
    "W5500 on the meter's SPI": ([((*OUTLET, "meter"), ["ade7953_spi", SPI]), (("LAN",), {**W5500, "cs": 17, "int": 16}),
                                  ((*OUTLET, "reader"), None)], "LAN is on SPI 2, which OUTLETS[0].meter uses already"),
    "W5500 on a bus that is not there": ([(("LAN",), {**W5500, "bus": 3}), ((*OUTLET, "reader"), None)],
                                         "LAN is on SPI 3, and the esp32"),
    "W5500 on the reader's pin": ([(("LAN",), W5500)], "LAN.int is on GPIO17, which OUTLETS[0].reader.tx uses already"),
    "W5500 with the PHY's clock": ([(("LAN",), {**W5500, "int": 16, "clock": "output"}), ((*OUTLET, "reader"), None)],
                                   "LAN has an unknown key 'clock'"),
    "house's input on the pilot's pin": ([(("HOUSE",), ["ct_adc", {"v_adc": 34, "i_adc": 36}])],
                                         "HOUSE.v_adc is on GPIO34, which OUTLETS[0].pilot.adc uses already"),
    "house's input without a driver": ([(("HOUSE",), ["clamp", {}])], "HOUSE names the unknown driver 'clamp'"),
    "house's input that is a driver's name": ([(("HOUSE",), "ct_adc")], "HOUSE must be (driver, options)"),
    "house's input on the outlet's channel": ([(("HOUSE",), CHANNEL_A)],
                                              "HOUSE has the address 56 on I2C 0, which OUTLETS[0].meter has already"),
    "supply of two amperes": ([(("SUPPLY_DA",), 20)], "SUPPLY_DA is 20 and must be 60 to 10000"),
    "unknown key of the board": ([(("SUPLY_DA",), 320)], "board has an unknown key 'SUPLY_DA'"),
    "voltage sensed at no pole": ([((*OUTLET, "contactor", "contact"), "voltage"), ((*OUTLET, "contactor", "feedback"), [])],
                                  "contactor.feedback has 0 pins for 1 poles"),
    "voltage sensed at one pole of three": (
        [((*OUTLET, "phases"), 3), ((*OUTLET, "contactor", "contact"), "voltage"), ((*OUTLET, "contactor", "feedback"), [35])],
        "contactor.feedback has 1 pins for 3 poles"),
    "LED on the pin that chooses the flash's voltage": ([(("SHARED", "led"), 12)], "chooses the voltage of the module's flash"),
    "button on the pin that chooses the flash's voltage": ([(("SHARED", "button"), 12)],
                                                           "chooses the voltage of the module's flash"),
    "LED and pixel": ([(("SHARED", "pixel"), 4)], "SHARED has a led and a pixel, and a board has one status light"),
    "page at one address": ([(("WEB",), "127.0.0.1:443")], "WEB is '127.0.0.1:443' and must be 0.0.0.0:443, since"),
    "names of the set-up network at another port": ([(("SETUP_PORTS", "dns"), 5353)], "SETUP_PORTS.dns is 5353 and must be 53"),
    "updates of another board": ([(("UPDATE", "board"), "ESP32")], "UPDATE.board is 'ESP32' and must be 'ESP32_DEVKITC'"),
    "no data of the back end": ([(("CSMS",), None)], "CSMS is None and must be a dictionary"),
    "keys of updates as text": ([(("UPDATE_KEYS",), "04")], "UPDATE_KEYS is '04' and must be a tuple"),
    "co-processor beside a second contactor": (
        [((*OUTLET, "phases"), 3), ((*OUTLET, "phase_switch"), {**BOARDS["ESP32_DEVKITC"]["OUTLETS"][0]["contactor"], "out": 4,
                                                                "feedback": 37})],
        "COPROCESSOR is True, and the program opens one contactor"),
    "kind of Ethernet as a list": ([(("LAN",), {"kind": ["w5500"]})], "LAN must be None or a dictionary whose 'kind' is"),
    "key that is no text": ([((*OUTLET, "pilot"), {**BOARDS["ESP32_DEVKITC"]["OUTLETS"][0]["pilot"], 5: 1, "a": 2})],
                            "pilot has an unknown key '5'"),
    "unknown input of the board": ([(("SHARED", "siren"), 4)], "SHARED has an unknown key 'siren'"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_definition_is_refused_with_one_sentence(wrong):
    """The first sentence names place and reason."""
    changes, words = WRONG[wrong]
    found = checks.check("ESP32_DEVKITC", changed("ESP32_DEVKITC", *changes), CHIPS["esp32"])
    assert any(words in sentence for sentence in found), found
    assert len(found) <= 3 or wrong == "two meters on one channel"  # two outlets of the same pins
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in found)


# Each is refused with one sentence that names place and reason, on a board that is right but for Ethernet.
WRONG_LAN8720 = {
    "no address": ({"address": None}, "LAN.address is None and must be 0 to 31"),
    "address beyond five bits": ({"address": 32}, "LAN.address is 32 and must be 0 to 31"),
    "clock mode as a number": ({"clock": 1}, "LAN.clock is 1 and must be 'input' or 'output'"),
    "clock output where none is": ({"ref_clk": 13},
                                   "ref_clk is on GPIO13, and a clock output of the esp32 is on GPIO0 or 16 or 17"),
    "clock input elsewhere than GPIO0": ({"clock": "input", "power": 16}, "a clock input of the esp32 is on GPIO0"),
    "clock at a strapping pin that runs at reset": ({"clock": "input", "ref_clk": 0},
                                                    "no 'power' pin that keeps it off at reset"),
    "MDC on a pin of the data": ({"mdc": 21}, "LAN.tx_en is on GPIO21, which board.LAN.mdc uses already"),
    "MDIO on an input": ({"mdio": 37}, "LAN.mdio is an output on GPIO37"),
    "reset on the pilot's pin": ({"reset": 4}, "LAN.reset is on GPIO4, which OUTLETS[0].pilot.pwm uses already"),
    "misspelt key": ({"phy_addr": 1}, "LAN has an unknown key 'phy_addr'"),
}  # fmt: skip
RMII_BOARD = (
    ((*OUTLET, "pilot", "pwm"), 4), ((*OUTLET, "contactor", "out"), 32), ((*OUTLET, "reader"), None),
    ((*OUTLET, "meter"), ["bl0942", {"bus": 1, "tx": 14, "rx": 35}]), ((*OUTLET, "contactor", "feedback"), 39),
    ((*OUTLET, "rcd"), None), (("SHARED", "tamper"), None), (("SHARED", "button"), None), (("SHARED", "led"), None),
)  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_LAN8720)
def test_wrong_lan8720_is_refused_with_one_sentence(wrong):
    change, words = WRONG_LAN8720[wrong]
    data = changed("ESP32_DEVKITC", *RMII_BOARD, (("LAN",), {**LAN8720, **change}))
    found = checks.check("ESP32_DEVKITC", data, CHIPS["esp32"])
    assert len(found) == 1 and words in found[0], found


def test_ethernet_may_be_on_a_board():
    """Both chips; a clock input whose oscillator a pin holds off; what the board's build files need for it."""
    for lan in (LAN8720, {**LAN8720, "clock": "input", "ref_clk": 0, "power": 16}):
        assert checks.check("ESP32_DEVKITC", changed("ESP32_DEVKITC", *RMII_BOARD, (("LAN",), lan)), CHIPS["esp32"]) == []
    data = changed("ESP32_DEVKITC", ((*OUTLET, "reader"), None), (("LAN",), W5500))
    assert checks.check("ESP32_DEVKITC", data, CHIPS["esp32"]) == []
    assert checks.pins_of("ESP32_DEVKITC", data, CHIPS["esp32"])["LAN_INT"] == 17
    lacking = [one for one in build_files.faults(loading.BOARDS / "ESP32_DEVKITC", data, CHIPS["esp32"]) if "board.LAN" in one]
    assert len(lacking) == 3 and lacking[2] == "board.LAN needs the line 'CONFIG_ETH_SPI_ETHERNET_W5500=y' in sdkconfig.board."
    found = checks.check("ESP32_S3_DEVKITC", changed("ESP32_S3_DEVKITC", (("LAN",), LAN8720)), CHIPS["esp32s3"])
    assert found == ["board.LAN is a LAN8720, and the esp32s3 has no RMII: only a W5500 fits."]


def leaves(data, path=()):
    """(path, value) of each value of a board's data that is checked."""
    for name, value in data.items() if isinstance(data, dict) else enumerate(data):
        if path or name not in checks.keys.UNCHECKED:
            if isinstance(value, (dict, list)):
                yield from leaves(value, (*path, name))
            else:
                yield (*path, name), value


def test_each_value_of_a_wrong_kind_is_refused():
    """Text, a float, a list, a truth, a huge and a negative number in place of each number; a number in place of the rest."""
    rich = changed("ESP32_DEVKITC", ((*OUTLET, "lock"), {"out": 32, "feedback": 4, "move_ms": 500}), (("DISPLAY",), OLED),
                   ((*OUTLET, "proximity"), {"adc": 35, "pullup": 1000, "rail_mv": 3300}), (("SUPPLY_DA",), 320))  # fmt: skip
    tried = 0
    for path, value in leaves(rich):
        wrong = ("x", 1.5, [], {}, True, 10**9, -1) if type(value) is int else (5, 1.5, [], {})
        for other in wrong if value is not None else ("x", 1.5, [1], {"x": 1}, 10**9, -1):
            data = copy.deepcopy(rich)
            place = data
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = other
            assert checks.check("ESP32_DEVKITC", data, CHIPS["esp32"]), (path, other)
            tried += 1
    assert tried > 300


@pytest.mark.parametrize("name", BOARDS)
def test_no_two_parts_have_one_pin(name):
    """Each pin of the data in place of each other one."""
    chip = loading.chip_of(loading.BOARDS / name)
    pins = {use.where: use.pin for use in checks.BoardCheck(name, BOARDS[name], chip).run().uses}
    paths = {where: path for path, value in leaves(BOARDS[name]) for where, pin in pins.items()
             if value == pin and where.endswith(f".{path[-1]}") and type(value) is int}
    assert len(paths) == len(pins) > 14
    for where, path in paths.items():
        for other, pin in pins.items():
            if other != where:
                assert checks.check(name, changed(name, (path, pin)), chip), (where, other)


@pytest.mark.parametrize(("chip", "pin"), [("esp32", 16), ("esp32s2", 26)])
def test_pins_of_a_psram_are_refused_on_a_module_with_one(chip, pin, tmp_path):
    """The build files say whether there is one."""
    data = changed("ESP32_DEVKITC", ((*OUTLET, "reader"), {"uart": 1, "tx": 4, "rx": pin}))
    words = f"reader.rx is on GPIO{pin}, which belongs to the module's flash or PSRAM."
    for files, refused in (("boards/sdkconfig.base", False), ("boards/sdkconfig.base boards/sdkconfig.spiram", True)):
        (tmp_path / "mpconfigboard.cmake").write_text(f"set(IDF_TARGET {chip})\nset(SDKCONFIG_DEFAULTS {files})\n")
        found = checks.check("ESP32_DEVKITC", data, loading.chip_of(tmp_path))
        assert any(words in sentence for sentence in found) is refused, found


def test_there_are_enough_wrong_definitions():
    """The fourteen that were found, and thirty more at least."""
    assert len(WRONG) >= 44


@pytest.mark.parametrize(("chip", "pin", "words"), [
    ("esp32s3", 30, "flash or PSRAM"), ("esp32s3", 19, "USB"), ("esp32s3", 44, "console"), ("esp32s3", 45, "strapping"),
    ("esp32s3", 22, "no GPIO"), ("esp32s3", 48, "no RTC GPIO"), ("esp32c3", 12, "flash"), ("esp32c3", 9, "strapping"),
    ("esp32c6", 28, "flash"), ("esp32c6", 16, "console"), ("esp32s2", 46, "input only"),
])  # fmt: skip
def test_pins_of_other_chips_are_refused(chip, pin, words):
    """A pin that is good on one chip is flash, USB or console on another."""
    data = changed("ESP32_S3_DEVKITC", ((*OUTLET, "contactor", "out"), pin))
    found = [one for one in checks.check("ESP32_S3_DEVKITC", data, CHIPS[chip]) if "contactor.out" in one]
    assert any(words in sentence for sentence in found), found


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6"])
def test_program_of_the_co_processor_is_for_two_chips(chip):
    """Board data may ask for it on these alone."""
    found = checks.check("ESP32_S3_DEVKITC", changed("ESP32_S3_DEVKITC", (("COPROCESSOR",), True)), CHIPS[chip])
    words = f"COPROCESSOR is True, and the program is for esp32 and esp32s3, not the {chip}."
    assert any(words in one for one in found) is (chip not in ("esp32", "esp32s3")), found


@pytest.mark.parametrize("chip", CHIPS.values(), ids=lambda chip: chip.name)
def test_chip_tables_agree_with_themselves(chip):
    """Every pin of a table is one of the chip, none twice; ADC1 is free of flash and console."""
    tables = ("flash", "console", "usb", "strap", "driven", "input_only", "adc1", "adc2", "rtc", "touch")
    for table in tables:
        pins = getattr(chip, table)
        assert len(pins) == len(set(pins)) and set(pins) <= set(chip.pins), table
    assert not set(chip.adc1) & {*chip.flash, *chip.console, *chip.adc2}
    assert set(chip.touch) <= set(chip.rtc) and 0 not in chip.uarts


@pytest.fixture
def copy_of_a_board(tmp_path):
    """(folder of a copy of ESP32_DEVKITC, change(file, old, new) that replaces text of a file in it)."""
    folder = tmp_path / "ESP32_DEVKITC"
    shutil.copytree(loading.BOARDS / folder.name, folder)

    def change(file, old, new):
        text = (folder / file).read_text()
        assert text.count(old) == 1
        (folder / file).write_text(text.replace(old, new))

    return folder, change


# What is wrong -> (file, text, other text, words of the sentence)
WRONG_FILES = {
    "contactor that the start-up code does not open": (
        "board.py", '"out": 26', '"out": 4',
        "mpconfigboard.h needs '#define PILOTLIGHT_CONTACTOR_PINS {4}', with which the start-up"),
    "contactor that the start-up code closes": (
        "board.py", '{"out": 26,', '{"out": 26, "active": 0,', "needs '#define PILOTLIGHT_CONTACTOR_OPEN_LEVELS {1}'"),
    "start-up code without pins": ("mpconfigboard.h", "PILOTLIGHT_CONTACTOR_PINS", "CONTACTOR_PINS", "CONTACTOR_PINS {26}'"),
    "moved pin": ("board.py", '"tamper": 27', '"tamper": 4', "pins.csv needs the line 'TAMPER,GPIO4', as board.py has it."),
    "pin of a part that is not there": ("board.py", '"tamper": 27', '"tamper": None',
                                        "pins.csv has 'TAMPER', which is not in"),
    "heap that cannot grow": ("board.py", "HEAP_GROWS = True", "HEAP_GROWS = False",
                              "HEAP_GROWS is False and must be True, since"),
    "heap of a PSRAM that is not there": (
        "mpconfigboard.h", "#define PILOTLIGHT_CONTACTOR_PINS",
        "#define MICROPY_GC_INITIAL_HEAP_SIZE (1)\n#define PILOTLIGHT_CONTACTOR_PINS", "mpconfigboard.cmake names no PSRAM"),
    "program of the co-processor for another pin": (
        "coprocessor_program/__init__.py", "PROGRAM = (\n", 'PROGRAM = (\n    b"x"\n', "is not the program for this board.py"),
    "slots of two sizes": ("partitions.csv", "0x1c0000, 0x1b0000", "0x1c0000, 0x1a0000", "slots of two sizes"),
    "no spare blocks": ("partitions.csv", "\nspare,", "\nspares,", "partitions.csv lacks spare."),
    "size with a unit": ("partitions.csv", "0x10000,  0x1b0000", "0x10000,  1728K", "no offset and size in bytes for 'ota_0'"),
    "line that fails": ("board.py", "max_da=160", "max_da=SIXTEEN", "board.py, line 7, fails: NameError"),
    "value that is none": ("board.py", "max_da=160", 'max_da=float("inf")', "OUTLETS[0].max_da is inf, which is no value of"),
    "set in place of a dictionary": ("board.py", '{"adc": 36}', '{"adc", 36}', "OUTLETS[0].ntc is {"),
    "board.py that ends": ("board.py", "COPROCESSOR = True", "raise SystemExit", "board.py ends, or prints something, before"),
    "unknown chip": ("mpconfigboard.cmake", "set(SDK", "set(IDF_TARGET esp32h2)\nset(SDK", "names the chip esp32h2"),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_files_that_do_not_fit_together_are_refused_with_a_sentence(wrong, copy_of_a_board, capsys):
    """By the tool, of a folder that is not in boards/."""
    folder, change = copy_of_a_board
    file, old, new, words = WRONG_FILES[wrong]
    change(file, old, new)
    assert check_board.main([str(folder)]) in (1, 2)
    said = "".join(capsys.readouterr())
    assert words in said and said.endswith(".\n"), said


def test_a_folder_that_lacks_a_file_is_refused(copy_of_a_board, capsys):
    """A folder anywhere is checked by its path; without a file of the build a sentence names it."""
    folder, _ = copy_of_a_board
    assert check_board.main([str(folder)]) == 0
    (folder / "pins.csv").unlink()
    assert check_board.main([str(folder)]) == 1
    assert "The folder lacks pins.csv." in capsys.readouterr().out
    (folder / "board.py").unlink()
    assert check_board.main([str(folder)]) == 2
    assert "is no folder of a board: it has no board.py." in capsys.readouterr().err


def test_a_board_py_that_does_not_end_is_refused(copy_of_a_board, monkeypatch):
    folder, change = copy_of_a_board
    change("board.py", "COPROCESSOR = True", "while True: pass")
    monkeypatch.setattr(loading, "_LONGEST_S", 0.5)
    with pytest.raises(loading.DefinitionError, match=r"does not end within 0\.5 s"):
        loading.load(folder)


def test_two_meters_may_share_a_bus_but_not_its_chip_select():
    """SCK, MOSI and MISO are the bus's, the chip select is the meter's own."""
    second = copy.deepcopy(BOARDS["ESP32_S3_DEVKITC"]["OUTLETS"][0])
    shared = {"bus": 1, "sck": 11, "mosi": 12, "miso": 4}
    second |= {"pilot": {**second["pilot"], "pwm": 38, "adc": 3}, "contactor": {**second["contactor"], "out": 15, "feedback": 39},
               "rcd": {"trip": 40, "test": 41}, "ntc": None, "reader": None}
    data = changed("ESP32_S3_DEVKITC", ((*OUTLET, "meter"), ["ade7953_spi", {**shared, "cs": 42}]))
    data["OUTLETS"].append({**second, "meter": ["ade7953_spi", {**shared, "cs": 47}]})
    problems = checks.check("ESP32_S3_DEVKITC", data, CHIPS["esp32s3"])
    assert [one for one in problems if "meter" in one] == []
    data["OUTLETS"][1]["meter"][1]["cs"] = 42
    problems = checks.check("ESP32_S3_DEVKITC", data, CHIPS["esp32s3"])
    assert any("meter.cs is on GPIO42, which OUTLETS[0].meter.cs uses already" in one for one in problems)
    data["OUTLETS"][1]["meter"][1] |= {"cs": 47, "miso": 48}
    problems = checks.check("ESP32_S3_DEVKITC", data, CHIPS["esp32s3"])
    assert any("gives SPI 1 other pins than OUTLETS[0].meter" in one for one in problems)


@pytest.mark.parametrize("house", [["ct_adc", {"v_adc": 36, "i_adc": 32}], [CHANNEL_A[0], {**CHANNEL_A[1], "channel": "B"}]])
def test_the_house_may_have_an_input_of_its_own_or_the_other_channel_of_the_meter(house):
    data = changed("ESP32_DEVKITC", (("HOUSE",), house), ((*OUTLET, "ntc"), None), (("COPROCESSOR",), False))
    assert checks.check("ESP32_DEVKITC", data, CHIPS["esp32"]) == []
    names = checks.pins_of("ESP32_DEVKITC", data, CHIPS["esp32"])
    assert house[0] != "ct_adc" or (names["HOUSE_V_ADC"], names["HOUSE_I_ADC"]) == (36, 32)


def test_a_reader_and_a_display_may_be_on_the_meters_i2c():
    """Addresses tell the parts of a bus apart; two readers have the same one."""
    data = changed("ESP32_DEVKITC", ((*OUTLET, "reader"), NFC), (("DISPLAY",), OLED))
    assert checks.check("ESP32_DEVKITC", data, CHIPS["esp32"]) == []
    data["OUTLETS"].append(data["OUTLETS"][0])
    problems = checks.check("ESP32_DEVKITC", data, CHIPS["esp32"])
    assert any("OUTLETS[1].reader has the address 36 on I2C 0, which OUTLETS[0].reader has already" in one for one in problems)
    for reader in ({"kind": "pn532_uart", "uart": 2, "tx": 17, "rx": 16}, {"kind": "rc522", **SPI}):
        assert checks.check("ESP32_DEVKITC", changed("ESP32_DEVKITC", ((*OUTLET, "reader"), reader)), CHIPS["esp32"]) == []


def test_a_meter_driver_says_what_it_is_in_its_own_file():
    """The checks know every driver of the firmware without a list of their own."""
    kinds = loading.meter_kinds()
    assert kinds["ade7953_i2c"][:2] == ("i2c", 1) and kinds["atm90e32"][:2] == ("spi", 3)
    assert {"ade7953_spi", "bl0942", "cse7766", "ct_adc"} <= set(kinds)
