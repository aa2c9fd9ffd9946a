"""Firmware of the jig: a second dev kit with plain MicroPython that simulates car, cable, card and faults for a unit under test.

docs/BRINGUP.md has its wiring. The bench calls answer() over the raw REPL with the commands of the simulator's control port
and gets their replies; a command for which the jig has no part is refused with "not_playable".
"""

import json
import time

import machine

# GPIO of an ESP32-DevKitC. Outputs close a reed relay or an optocoupler while 1.
PINS = {
    "car_b": 16,  # diode and 2.74 kohm from pilot to PE
    "car_c": 17,  # 1.3 kohm in parallel to the 2.74 kohm: state C
    "car_d": 18,  # 270 ohm in parallel to the 2.74 kohm: state D
    "diode_short": 19,  # across the diode
    "pilot_short": 21,  # 100 ohm from pilot to PE
    "pp_13": 22, "pp_20": 23, "pp_32": 25,  # 1.5 kohm, 680 ohm, 220 ohm from PP to PE
    "leak": 26,  # closes the test circuit of the residual current device
    "weld": 27,  # bridges the feedback contact of the contactor
    "reset": 14,  # pulls the unit's EN to ground
    "pilot_adc": 34,  # pilot through the divider of DIVIDER
    "pilot_edge": 35,  # 1 while the pilot is above +1 V
    "live": 39,  # 0 while there is mains at the plug: optocoupler with a pull-up
}  # fmt: skip
CARD_UART = {"id": 2, "tx": 4}  # to the RX of the unit's card reader
DIVIDER = {"r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300}  # ohms pilot - node, node - 3.3 V, node - ground
CABLES = {13: "pp_13", 20: "pp_20", 32: "pp_32"}
FAULTS = {"GroundFailure": "leak", "diode": "diode_short", "pilot_short": "pilot_short", "PowerSwitchFailure": "weld"}
_CAR = ("car_b", "car_c", "car_d")
_INPUTS = ("pilot_edge", "live")
_SAMPLES = 200
_PERIODS = 8
_PULSE_MS = 3  # a period of the pilot is 1 ms
_STEADY_MV = 1000  # a smaller difference of the plateaus means a steady pilot
_RESET_MS = 200
_BUTTON_MS = 200  # between plug and request


class NotPlayable(Exception):
    """The jig has no part for the command."""


class Jig:
    """The jig on these pins. `io` is the module machine or a replacement in tests."""

    def __init__(self, io=machine):
        self._io = io
        self._pins = {}
        for name, number in PINS.items():
            if name in _INPUTS:
                self._pins[name] = io.Pin(number, io.Pin.IN)
            elif name != "pilot_adc":
                self._pins[name] = io.Pin(number, io.Pin.OUT, value=0)
        self._adc = io.ADC(io.Pin(PINS["pilot_adc"]), atten=io.ADC.ATTN_11DB)
        self._card = io.UART(CARD_UART["id"], baudrate=9600, bits=8, parity=None, stop=1, tx=CARD_UART["tx"])
        self._cable = 32

    def _set(self, name, on):
        self._pins[name].value(1 if on else 0)

    def _car(self, *closed):
        """Close these resistors and open the others. Those to open come first, so no state in between requests more."""
        for name in _CAR:
            if name not in closed:
                self._set(name, False)
        for name in closed:
            self._set(name, True)

    def _plug(self, *closed):
        for amps, name in CABLES.items():
            self._set(name, amps == self._cable)
        self._car("car_b")
        time.sleep_ms(_BUTTON_MS)
        self._car(*closed)

    def plug_in(self):
        """Plug in a car that requests energy (state C)."""
        self._plug("car_b", "car_c")

    def plug_in_idle(self):
        """Plug in a car that does not request energy (state B)."""
        self._plug("car_b")

    def ventilation(self):
        """Plug in a car that requires ventilation (state D)."""
        self._plug("car_b", "car_d")

    def pause(self):
        """The car stops requesting energy."""
        self._car("car_b")

    def resume(self):
        """The car requests energy again."""
        self._car("car_b", "car_c")

    def plug_out(self):
        """Pilot and PP open."""
        self._car()
        for name in CABLES.values():
            self._set(name, False)

    def cable(self, amps):
        """Choose the cable of the next plug_in."""
        if amps not in CABLES:
            raise NotPlayable("the jig has no cable for %s A" % amps)
        self._cable = amps

    def swipe(self, token):
        """Send a card as a reader does. ValueError for a token that no reader sends."""
        if not 1 <= len(token) <= 40 or any(not 32 <= ord(ch) < 127 for ch in token):
            raise ValueError("a token has 1 to 40 printable ASCII characters")
        self._card.write(b"\x02" + token.encode() + b"\r\n\x03")

    def raise_fault(self, name):
        """Close the output that causes this fault."""
        self._set(self._fault(name), True)

    def clear_fault(self, name):
        """Open the output of this fault."""
        self._set(self._fault(name), False)

    def _fault(self, name):
        if name not in FAULTS:
            raise NotPlayable("the jig cannot play %s" % name)
        return FAULTS[name]

    def reboot(self):
        """Press the unit's reset."""
        self._set("reset", True)
        time.sleep_ms(_RESET_MS)
        self._set("reset", False)

    # --- measurements ---

    def _pilot_mv(self, uv):
        r1, r2, r3 = DIVIDER["r1"], DIVIDER["r2"], DIVIDER["r3"]
        return int(uv / 1000 * (1 + r1 / r2 + r1 / r3) - DIVIDER["rail_mv"] * r1 / r2)

    def _levels(self):
        """(high, low) plateau in mV: the means of the samples above and below the middle of the extremes."""
        samples = [self._adc.read_uv() for _ in range(_SAMPLES)]
        top, bottom = max(samples), min(samples)
        middle = (top + bottom) // 2
        high = [one for one in samples if one >= middle]
        low = [one for one in samples if one < middle] or high
        high_mv, low_mv = self._pilot_mv(sum(high) // len(high)), self._pilot_mv(sum(low) // len(low))
        if high_mv - low_mv < _STEADY_MV:
            high_mv = low_mv = self._pilot_mv(sum(samples) // len(samples))
        return high_mv, low_mv

    def _duty_permille(self):
        """Share of the time above +1 V, over some periods; 1000 or 0 where nothing changes."""
        edge = self._pins["pilot_edge"]
        total = {0: 0, 1: 0}
        for _ in range(_PERIODS):
            for level in (1, 0):
                us = self._io.time_pulse_us(edge, level, _PULSE_MS * 1000)
                if us < 0:
                    return 1000 if edge.value() else 0
                total[level] += us
        return (total[1] * 1000 + 500) // (total[0] + total[1])

    def measure(self):
        """Levels and duty of the pilot, and whether there is mains at the plug."""
        high_mv, low_mv = self._levels()
        live = not self._pins["live"].value()
        return {"high_mv": high_mv, "low_mv": low_mv, "duty_permille": self._duty_permille(), "live": live}


COMMANDS = ("plug_in", "plug_in_idle", "ventilation", "pause", "resume", "plug_out", "cable", "swipe", "raise_fault",
            "clear_fault", "reboot", "measure")  # fmt: skip
_jig = None


def answer(text, io=machine):
    """Carry out one command, a JSON object; returns the reply as JSON."""
    global _jig
    words = json.loads(text)
    cmd = words.pop("cmd", None)
    words.pop("connector", None)  # a jig has one connector
    try:
        if cmd not in COMMANDS:
            raise NotPlayable("the jig has no command %s" % cmd)
        if _jig is None:
            _jig = Jig(io)
        return json.dumps({"ok": True, "result": getattr(_jig, cmd)(**words)})
    except NotPlayable as error:
        return json.dumps({"ok": False, "error": str(error), "not_playable": True})
    except (ValueError, TypeError) as error:
        return json.dumps({"ok": False, "error": str(error)})
