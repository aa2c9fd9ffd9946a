"""The faults of a board's data: one sentence each. The ranges are in keys.py, the pins' abilities in chips.py."""

import ipaddress
import re

from board_definition import coprocessor, keys
from board_definition.chips import Chip
from board_definition.findings import Findings, Use
from board_definition.loading import display_kinds, meter_kinds, reader_kinds

_CP_MV = (-12_600, 12_600)  # the pilot with its tolerance
_ADC_MARGIN_MV = 50
_METER_SPI_MODE, _READER_SPI_MODE = 3, 0  # as drivers/buses.py is called
_ALONE = "a bus of its own"
_ANY = "0.0.0.0"
_METERS = (".meter", ".HOUSE")


class BoardCheck:
    """The data of one board against a chip."""

    def __init__(self, name: str, data: dict, chip: Chip):
        self._name = name
        self._data = data
        self._chip = chip
        self._found = Findings(chip)
        self._buses: dict[str, tuple] = {}  # "uart 2" -> (where, pins, settings)
        self._addresses: dict[tuple, tuple] = {}
        self._meters = meter_kinds()
        self._readers = reader_kinds()
        self._displays = display_kinds()

    def run(self) -> Findings:
        """All sentences; the uses of pins are complete when there are none."""
        data, found = self._data, self._found
        self._check_board()
        outlets = data.get("OUTLETS")
        if not isinstance(outlets, list) or not 1 <= len(outlets) <= 4:
            found.add("OUTLETS", "must have 1 to 4 entries")
            outlets = []
        for number, outlet in enumerate(outlets):
            self._check_outlet(f"OUTLETS[{number}]", outlet)
        if data.get("HOUSE") is not None:
            self._check_meter("board.HOUSE", data["HOUSE"])
        self._check_part("board.DISPLAY", data.get("DISPLAY"), self._displays)
        self._check_lan("board.LAN", data.get("LAN"))
        for what in coprocessor.faults(data, outlets, self._chip.name):
            found.add("board.COPROCESSOR", what)
        found.check_clashes()
        return found

    def _check_board(self) -> None:
        data, found = self._data, self._found
        apart = ("OUTLETS", "HOUSE", "DISPLAY", "LAN")
        found.check_part("board", keys.BOARD, {name: value for name, value in data.items() if name not in apart})
        if data.get("NAME") != self._name:
            found.add("board.NAME", f"is {data.get('NAME')!r} and must be the folder's name '{self._name}'")
        root = data.get("FLASH_ROOT")
        if root != "":
            found.add("board.FLASH_ROOT", f"is {root!r} and must be '', since the port mounts the file system at /")
        if data.get("LAB") is True:
            found.add("board.LAB", "is True and must be False on a board that can be sold")
        self._check_web(data.get("WEB"), data.get("SETUP_PORTS"))
        shared, update = data.get("SHARED"), data.get("UPDATE")
        if isinstance(shared, dict) and None not in (shared.get("led"), shared.get("pixel")):
            found.add("board.SHARED", "has a led and a pixel, and a board has one status light")
        if isinstance(update, dict) and update.get("board") != self._name:
            found.add("board.UPDATE.board", f"is {update.get('board')!r} and must be '{self._name}': others are not installed")
        device = data.get("DEVICE")
        for name, most in keys.DEVICE_TEXT.items() if isinstance(device, dict) else ():
            text = device.get(name)
            if isinstance(text, str) and not (1 <= len(text) <= most and text.isprintable()):
                found.add(f"board.DEVICE.{name}", f"is {text!r} and must have 1 to {most} printable characters")

    def _check_web(self, web, setup_ports) -> None:
        if not isinstance(web, str):
            return
        host, _, port = web.rpartition(":")
        try:
            ipaddress.IPv4Address(host)
            number = int(port) if port.isascii() and port.isdigit() else 0
        except ValueError:
            number = 0
        if not 1 <= number <= 65535:
            self._found.add("board.WEB", f"is {web!r} and must be ADDRESS:PORT")
        elif host != _ANY:
            self._found.add("board.WEB", f"is {web!r} and must be {_ANY}:{port}, since the network gives the unit its address")
        elif isinstance(setup_ports, dict) and setup_ports.get("http") == number:
            self._found.add("board.SETUP_PORTS.http", f"is {number}, which is the port of board.WEB as well")

    def _check_outlet(self, where: str, outlet) -> None:
        found = self._found
        if not isinstance(outlet, dict):
            found.add(where, "must be a dictionary")
            return
        parts = {name: value for name, value in outlet.items() if name not in ("meter", "reader")}
        found.check_part(where, keys.OUTLET, parts)
        for name in ("meter", "reader"):
            if name not in outlet:
                found.add(where, f"lacks the key '{name}'")
        self._check_meter(f"{where}.meter", outlet.get("meter"), outlet.get("phases"))
        self._check_part(f"{where}.reader", outlet.get("reader"), self._readers, "serial_ascii")
        self._check_pilot(f"{where}.pilot", outlet.get("pilot"))
        if outlet.get("lock") and not outlet.get("proximity"):
            found.add(where, "has a lock and no proximity input, without which a plug is not detected")
        self._check_contactors(where, outlet)
        contactor = outlet.get("contactor")
        out = contactor.get("out") if isinstance(contactor, dict) else None
        if self._chip.ulp == "fsm" and isinstance(out, int) and out not in self._chip.rtc:
            found.add(f"{where}.contactor.out", f"is on GPIO{out}, which is no RTC GPIO, so that the co-processor cannot open it")

    def _check_contactors(self, where: str, outlet: dict) -> None:
        """Check the relations between keys: a voltage is sensed at each pole, and a second contactor needs three phases."""
        first = 3 if outlet.get("phases") == 3 and outlet.get("phase_switch") is None else 1
        for name, poles in (("contactor", first), ("phase_switch", 2)):
            part = outlet.get(name)
            if isinstance(part, dict) and (part.get("contact") == "voltage") != isinstance(part.get("feedback"), list):
                self._found.add(f"{where}.{name}.feedback", "must be a pin, or with 'voltage' a tuple of pins, one a pole")
            elif isinstance(part, dict) and isinstance(part.get("feedback"), list) and len(part["feedback"]) != poles:
                self._found.add(f"{where}.{name}.feedback", f"has {len(part['feedback'])} pins for {poles} poles")
        if outlet.get("phase_switch") is not None and outlet.get("phases") != 3:
            self._found.add(f"{where}.phase_switch", "is a contactor of the phases 2 and 3, and the outlet has one phase")

    def _check_pilot(self, where: str, pilot) -> None:
        if not isinstance(pilot, dict) or not all(
            type(pilot.get(name)) is int and pilot[name] > 0 for name in ("r1", "r2", "r3", "rail_mv")
        ):
            return
        low, high = (node_mv(pilot, mv) for mv in _CP_MV)
        lowest, highest = self._chip.adc_mv
        lowest, highest = lowest + _ADC_MARGIN_MV, highest - _ADC_MARGIN_MV
        if low < lowest or high > highest:
            self._found.add(where, f"has its node at {low:.0f} to {high:.0f} mV for a pilot of -12.6 to 12.6 V, beyond the "
                                   f"{lowest} to {highest} mV that the ADC of the {self._chip.name} reads safely")

    # --- buses ---

    def _check_meter(self, where: str, meter, wired: int | None = None) -> None:
        """The driver of an outlet with so many phases, or that of the house."""
        found = self._found
        if not isinstance(meter, list) or len(meter) != 2 or not isinstance(meter[1], dict):
            found.add(where, "must be (driver, options)")
            return
        kind, options = meter
        if not isinstance(kind, str) or kind not in self._meters:
            found.add(where, f"names the unknown driver {kind!r}; there are {', '.join(self._meters)}")
            return
        bus, phases, bounds = self._meters[kind]
        self._check_options(where, options, bus, bounds, ("export",))
        self._check_bus(where, bus, options)
        found.check(f"{where}.export", keys.FLAG, options.get("export", False))
        if wired == 3 and options.get("phases", phases) != 3:
            found.add(where, f"measures {options.get('phases', phases)} phase of an outlet with 3")

    def _check_options(self, where: str, options: dict, bus: str, bounds: dict, free: tuple = ()) -> None:
        found = self._found
        own = {*keys.BUS_PINS[bus], *keys.OWN_PINS.get(bus, ()), *free} | ({"bus"} if bus != "adc" else set())
        more = {name.rstrip("?"): rule for name, rule in keys.BUS_OPTIONS.get(bus, {}).items()}
        for name, value in options.items():
            if name in bounds:
                low, high = bounds[name][0], bounds[name][-1]
                rule = frozenset(bounds[name]) if isinstance(low, str) else (low, high)
                found.check(f"{where}.{name}", rule, value)
            elif name in more:
                found.check(f"{where}.{name}", more[name], value)
            elif name not in own:
                found.add(where, f"has an unknown option '{name}'")
        if options.get("hertz", 50) not in (50, 60):
            found.add(f"{where}.hertz", f"is {options['hertz']!r} and must be 50 or 60")

    def _check_bus(self, where: str, bus: str, options: dict, spi_mode: int | None = _METER_SPI_MODE) -> None:
        """The pins of a part and the bus that it hangs on: named, there on this chip, the same for all parts on it.

        spi_mode None: an SPI bus of the part's own.
        """
        found, chip = self._found, self._chip
        number = options.get("bus")
        shared = f"{bus} {number}" if bus in ("i2c", "spi") else ""
        for name, direction in keys.BUS_PINS[bus].items():
            if name not in options:
                found.add(where, f"lacks '{name}': a bus's own pins differ from chip to chip")
            else:
                found.check(f"{where}.{name}", direction, options[name], shared)
        for name, direction in keys.OWN_PINS.get(bus, {}).items():
            if name not in options:
                found.add(where, f"lacks '{name}'")
            else:
                found.check(f"{where}.{name}", direction, options[name])
        if bus == "adc":
            return
        known = {"uart": chip.uarts, "i2c": chip.i2c, "spi": chip.spi}[bus]
        if type(number) is not int or number not in known:
            console = " (UART 0 is the console)" if bus == "uart" and number == 0 else ""
            found.add(where, f"is on {bus.upper()} {number!r}, and the {chip.name} has {', '.join(map(str, known))}{console}")
            return
        mode = _ALONE if spi_mode is None else f"mode {spi_mode}"
        settings = {"i2c": f"{options.get('freq', 400_000)} Hz", "spi": mode}.get(bus, "")
        self._claim(where, bus, f"{bus} {number}", tuple(options.get(name) for name in keys.BUS_PINS[bus]), settings)
        if bus == "i2c" and type(options.get("address")) is int:
            self._claim_address(where, f"{bus} {number}", options["address"], options.get("channel", "A"))

    def _claim(self, where: str, bus: str, key: str, pins: tuple, settings: str) -> None:
        other, its_pins, its_settings = self._buses.setdefault(key, (where, pins, settings))
        if other == where:
            return
        if bus == "uart" or settings == _ALONE:
            self._found.add(where, f"is on {key.upper()}, which {other} uses already")
        elif pins != its_pins:
            self._found.add(where, f"gives {key.upper()} other pins than {other}")
        elif settings != its_settings:
            self._found.add(where, f"drives {key.upper()} with {settings} and {other} with {its_settings}: a bus has one setting")

    def _claim_address(self, where: str, key: str, address: int, channel) -> None:
        """Each part of an I2C bus has an address of its own; the same one is two channels of one meter only."""
        other, its_channel = self._addresses.setdefault((key, address), (where, channel))
        channels = other.endswith(_METERS) and where.endswith(_METERS) and channel != its_channel
        if other != where and not channels:
            self._found.add(where, f"has the address {address!r} on {key.upper()}, which {other} has already")

    def _check_part(self, where: str, part, kinds: dict, default: str | None = None) -> None:
        """A card reader or a display: its driver, pins, bus and options; None where there is none."""
        if part is None:
            return
        if not isinstance(part, dict):
            self._found.add(where, "must be a dictionary or None")
            return
        kind = part.get("kind", default)
        if not isinstance(kind, str) or kind not in kinds:
            self._found.add(where, f"names the unknown driver {kind!r}; there are {', '.join(kinds)}")
            return
        bus, bounds = kinds[kind]
        options = {name: value for name, value in part.items() if name != "kind"}
        if bus == "uart":
            if "bus" in options:
                self._found.add(where, "has an unknown option 'bus': a reader on a UART names it with 'uart'")
            options["bus"] = options.pop("uart", None)
        self._check_options(where, options, bus, bounds)
        options.setdefault("address", bounds.get("address", (None,))[0])
        self._check_bus(where, bus, options, _READER_SPI_MODE)

    def _check_lan(self, where: str, lan) -> None:
        """Ethernet: a LAN8720 at the MAC of the chip, or a W5500 on an SPI bus of its own."""
        found, chip = self._found, self._chip
        if lan is None:
            return
        kind = lan.get("kind") if isinstance(lan, dict) else None
        if not isinstance(kind, str) or kind not in keys.LAN:
            found.add(where, f"must be None or a dictionary whose 'kind' is {' or '.join(keys.LAN)}")
            return
        rest = {name: value for name, value in lan.items() if name != "kind"}
        if kind == "w5500":
            bus = {name: rest.pop(name) for name in ("bus", *keys.BUS_PINS["spi"], "cs") if name in rest}
            self._check_bus(where, "spi", bus, None)
        elif not chip.rmii:
            found.add(where, f"is a LAN8720, and the {chip.name} has no RMII: only a W5500 fits")
            return
        found.check_part(where, keys.LAN[kind], rest)
        if kind == "lan8720":
            found.uses += [Use(f"{where}.{name}", pin, keys.PIN_OUT) for name, pin in chip.rmii.items()]
            self._check_ref_clk(where, rest)

    def _check_ref_clk(self, where: str, lan: dict) -> None:
        """The 50 MHz: only some pins take or give it, and one that takes it at reset decides how the chip starts."""
        pins = self._chip.ref_clk.get(lan["clock"], ()) if isinstance(lan.get("clock"), str) else ()
        pin = lan.get("ref_clk")
        if not pins or type(pin) is not int:
            return
        if pin not in pins:
            self._found.add(f"{where}.ref_clk", f"is on GPIO{pin}, and a clock {lan['clock']} of the {self._chip.name} is on GPIO"
                                                f"{' or '.join(map(str, pins))}")
            return
        self._found.uses.append(Use(f"{where}.ref_clk", pin, keys.PIN_OUT))
        if pin in self._chip.flash:
            self._found.add(f"{where}.ref_clk", f"is on GPIO{pin}, which belongs to the module's flash or PSRAM")
        if lan["clock"] == "input" and lan.get("power") is None:
            self._found.add(where, f"has its clock at the strapping pin GPIO{pin} and no 'power' pin that keeps it off at reset")


def node_mv(pilot: dict, cp_mv: int) -> float:
    """Voltage of the divider's node for a voltage of the pilot, in mV."""
    conductance = 1 / pilot["r1"] + 1 / pilot["r2"] + 1 / pilot["r3"]
    return (cp_mv / pilot["r1"] + pilot["rail_mv"] / pilot["r2"]) / conductance


def check(name: str, data: dict, chip: Chip) -> list[str]:
    """The faults of the data of the board `name`, one sentence each."""
    return BoardCheck(name, data, chip).run().sentences


def pins_of(name: str, data: dict, chip: Chip) -> dict[str, int]:
    """Pins by the names that pins.csv has: CONTACTOR_OUT of the only outlet, CONTACTOR_OUT_2 of the second.

    A contactor's output that the level 0 closes has a name that ends with _N.
    """
    low = {part["out"] for outlet in data["OUTLETS"] for part in (outlet["contactor"], outlet["phase_switch"])
           if part is not None and part["active"] == 0}
    found = {}
    for use in BoardCheck(name, data, chip).run().uses:
        words = re.sub(r"^(SHARED|board(\.SHARED)?|OUTLETS\[\d+\])\.", "", use.where)
        words = re.sub(r"[.\[]+", "_", words.replace("]", "")).upper()
        number = re.match(r"OUTLETS\[(\d+)\]", use.where)
        suffix = f"_{int(number.group(1)) + 1}" if number and int(number.group(1)) else ""
        found.setdefault(words + suffix + ("_N" if use.pin in low else ""), use.pin)
    return found
