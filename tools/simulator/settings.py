"""--set KEY=VALUE of the simulator's command line, checked."""

import re

from board_definition import loading


class Mistake(Exception):
    """A fault of the command line, as one sentence."""


def _on_sim(file):
    """The parts that --set can choose from: the table of a file of the simulated world."""
    return loading.literal(loading.BOARDS / loading.SIMULATED / "sim" / file, "ON_SIM")


_METERS = _on_sim("chips/__init__.py")
METERS = tuple(_METERS)
READERS = tuple(_on_sim("readers/__init__.py"))
DISPLAYS = tuple(_on_sim("displays/__init__.py"))
# --set KEY=VALUE that chooses a part -> its values; where nothing is chosen the first meter and reader, and none of the others
PARTS = {"MeterKind": METERS, "HouseKind": METERS, "ReaderKind": READERS, "DisplayKind": DISPLAYS,
         "LanKind": tuple(_on_sim("ethernet.py"))}
_BYTE = r"(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
# --set KEY=VALUE that is read by the simulated board -> its form, and that in words
_FORMS = {
    "ContactorActive": ("0|1", "0 or 1"),
    "ContactorContact": ("normally_open|mirror|voltage", "normally_open, mirror or voltage"),
    "HandshakeMs": (r"\d{1,4}", "0 to 9999"),
    "HardwareRevision": (r"\d{1,5}", "0 to 99999"),
    "HomeHost": (rf"(10\.{_BYTE}|172\.(1[6-9]|2\d|3[01])|192\.168)(\.{_BYTE}){{2}}",
                 "an address of a home network, as 192.168.1.9"),
    "SetupPorts": (f"{_PORT}/{_PORT}", "two ports, DNS/HTTP"),
    "WifiNetwork": ("[^/]{1,32}/.{8,63}", "NAME/PASSWORD with a password of 8 to 63 characters"),
}


def one_of(names):
    """Names as an enumeration of words."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def factory_settings(pairs):
    """Dictionary of the KEY=VALUE pairs of --set; Mistake for what is none."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise Mistake(f"--set must be KEY=VALUE, not '{pair}'.")
        found[key.strip()] = value
    for key, kinds in PARTS.items():
        if found.get(key, kinds[0]) not in kinds:
            raise Mistake(f"--set {key} must be {one_of(kinds)}, not '{found[key]}'.")
    for key, (form, words) in _FORMS.items():
        if key in found and not re.fullmatch(form, found[key]):
            raise Mistake(f"--set {key} must be {words}, not '{found[key]}'.")
    three = found.get("CompositeScheduleDefaultNumberPhases") == "3"
    meter = found.get("MeterKind")
    if meter is not None and three != (loading.meter_kinds()[_METERS[meter][0]][1] == 3):
        raise Mistake(f"--set MeterKind={meter} does not fit CompositeScheduleDefaultNumberPhases: "
                      "3 for a meter of three phases, and only that.")
    return found
