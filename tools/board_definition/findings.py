"""Findings while a board's data are checked: sentences, and the uses of pins."""

import re
from dataclasses import dataclass, field

from board_definition import keys
from board_definition.chips import Chip

_HARMLESS_ON_STRAP = ("board.SHARED.led", "board.SHARED.pixel", "board.SHARED.button")
_SAFETY = re.compile(r"\.(contactor|pilot|rcd|phase_switch|lock)\b")
_TYPES = {str: "text", bool: "True or False", int: "an integer", dict: "a dictionary", list: "a tuple"}


@dataclass
class Use:
    """The use of a pin: its place in the data, its direction; parts on one bus share its pins (`shared`: which)."""

    where: str
    pin: int
    direction: str
    shared: str = ""

    def line(self) -> tuple[str, str]:
        """The bus and the name of its line: SCL of I2C 0 is on one pin for all parts, and that is not SDA's."""
        return self.shared, self.where.rpartition(".")[2]


@dataclass
class Findings:
    """Sentences and uses of pins that are gathered while the data are walked."""

    chip: Chip
    sentences: list[str] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        """A sentence about a place in the data."""
        self.sentences.append(f"{where} {what}.")

    # --- values ---

    def check(self, where: str, rule, value, shared: str = "") -> None:
        """One value against its rule of keys.py."""
        if isinstance(rule, list):
            if value is not None:
                self.check(where, rule[0], value, shared)
        elif isinstance(rule, dict):
            self.check_part(where, rule, value)
        elif isinstance(rule, frozenset):
            if type(value) not in {type(one) for one in rule} or value not in rule:
                self.add(where, f"is {value!r} and must be {' or '.join(map(repr, sorted(rule)))}")
        elif isinstance(rule, type):
            if type(value) is not rule:
                self.add(where, f"is {value!r} and must be {_TYPES[rule]}")
        elif rule == keys.PINS_IN:
            for n, pin in enumerate(value if isinstance(value, list) else [value]):
                self.check(f"{where}[{n}]" if isinstance(value, list) else where, keys.PIN_IN, pin)
        elif rule in keys.DIRECTIONS:
            self.check_pin(where, rule, value, shared)
        elif type(value) is not int or not rule[0] <= value <= rule[1]:
            self.add(where, f"is {value!r} and must be {rule[0]} to {rule[1]}")

    def check_part(self, where: str, rules: dict, part) -> None:
        """A dictionary: all its keys, none unknown, each by its rule."""
        if not isinstance(part, dict):
            self.add(where, f"is {part!r} and must be a dictionary")
            return
        known = {name.rstrip("?"): rule for name, rule in rules.items()}
        for name in sorted(set(part) - set(known), key=str):
            self.add(where, f"has an unknown key '{name}'")
        for name, rule in rules.items():
            if name.rstrip("?") in part:
                self.check(f"{where}.{name.rstrip('?')}", rule, part[name.rstrip("?")])
            elif not name.endswith("?"):
                self.add(where, f"lacks the key '{name}'")

    # --- pins ---

    def check_pin(self, where: str, direction: str, pin, shared: str = "") -> None:
        """A pin: there, free of the module's own uses, able to do it, quiet at reset where that matters."""
        chip = self.chip
        if type(pin) is not int or pin not in chip.pins:
            self.add(where, f"is {pin!r}, which is no GPIO of the {chip.name}")
            return
        self.uses.append(Use(where, pin, direction, shared))
        name = f"is on GPIO{pin}, which"
        for pins, what in ((chip.flash, "the module's flash or PSRAM"), (chip.console, "the console"), (chip.usb, "USB")):
            if pin in pins:
                self.add(where, f"{name} belongs to {what}")
        if direction == keys.PIN_OUT and pin in chip.input_only:
            self.add(where, f"is an output on GPIO{pin}, which is an input only")
        if direction == keys.PIN_ADC and pin in chip.adc2:
            self.add(where, f"{name} is on ADC2 and cannot be read while Wi-Fi runs")
        elif direction == keys.PIN_ADC and pin not in chip.adc1:
            self.add(where, f"{name} has no ADC")
        if pin == chip.flash_supply:
            self.add(where, f"{name} is read as a strapping pin at reset and chooses the voltage of the module's flash")
        elif pin in chip.strap and not where.startswith(_HARMLESS_ON_STRAP):
            self.add(where, f"{name} is read as a strapping pin at reset")
        if direction == keys.PIN_OUT and pin in chip.driven and _SAFETY.search(where):
            self.add(where, f"{name} pulses at reset")

    def check_clashes(self) -> None:
        """Each pin has one use, or is that of one bus."""
        first: dict[int, Use] = {}
        for use in self.uses:
            other = first.setdefault(use.pin, use)
            if other is not use and (not use.shared or use.line() != other.line()):
                self.add(use.where, f"is on GPIO{use.pin}, which {other.where} uses already")
