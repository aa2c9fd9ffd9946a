"""Commands of the control port for a car, a card, the wiring and the environment of an outlet."""

from sim import ev, world
from sim.outlet import CABLE_OHM


class Refused(Exception):
    """The command failed; the message is its reply."""


def _outlet(args):
    return world.current().outlet(args.get("connector", 1))


def _plugged(args):
    outlet = _outlet(args)
    if outlet.ev.want == ev.ABSENT:
        raise Refused("no car is plugged in at connector %d" % outlet.id)
    return outlet


def _plug_in(args):
    _outlet(args).plug(ev.ASKING)


def _plug_in_idle(args):
    _outlet(args).plug(ev.IDLE)


def _ventilation(args):
    _outlet(args).plug(ev.VENTILATION)


def _pause(args):
    _plugged(args).plug(ev.IDLE)


def _resume(args):
    _plugged(args).plug(ev.ASKING)


def _plug_out(args):
    if args.get("after_ms"):
        _outlet(args).unplug_later(args["after_ms"])
    else:
        _outlet(args).plug(ev.ABSENT)


def _measure(args):
    outlet = _outlet(args)
    outlet.sync()
    duty, circuit = outlet.duty_u16, outlet.circuit
    return {
        "high_mv": circuit.high_mv if duty else circuit.low_mv,
        "low_mv": circuit.low_mv if duty < 65535 else circuit.high_mv,
        "duty_permille": (duty * 1000 + 32767) // 65535,
        "live": outlet.contactor.closed and outlet.supply_mv > 50000,
    }


def _swipe(args):
    if "connector" in args:
        outlet = _outlet(args)
    else:
        outlets = world.current().outlets
        plugged = [one for one in outlets if one.ev.want != ev.ABSENT]
        outlet = plugged[0] if plugged else outlets[0]
    outlet.reader.swipe(args["token"])
    return {"connector": outlet.id}


def _lay_card(args):
    _outlet(args).reader.lay(args["token"], between(args, "every_ms", 50, 60000) or 300)


def _lift_card(args):
    _outlet(args).reader.lift()


def _monitor(args):
    rcd = _outlet(args).rcd
    for name in ("test_ms", "release_ms"):
        if name in args:
            setattr(rcd, name, between(args, name, 0, 10000))


def _adc(args):
    outlet = _outlet(args)
    outlet.adc_max_uv = int(between(args, "max_mv", 0, 3300) or 3300) * 1000


def _button(args):
    ms = args.get("ms", 300)
    if not 1 <= ms <= 60000:
        raise Refused("ms must be 1 to 60000")
    world.current().button.press(ms)


def _raise_fault(args):
    world.current().set_fault(args["name"], args.get("connector"), True)


def _clear_fault(args):
    world.current().set_fault(args["name"], args.get("connector"), False)


def between(args, name, low, high):
    """Return a number of the arguments, None when absent; Refused when out of range."""
    if name in args and not low <= args[name] <= high:
        raise Refused("%s must be %g to %g" % (name, low, high))
    return args.get(name)


def _ev(args):
    outlet = _outlet(args)
    car = outlet.ev
    outlet.sync()
    amps = between(args, "max_amps", 0, 80)
    factor = between(args, "power_factor", 0.1, 1)
    between(args, "phases", 1, 3)
    between(args, "reaction_ms", 0, 600000)
    between(args, "stop_ms", 0, 600000)
    between(args, "sleep_ms", 0, 86400000)
    if amps is not None:
        car.max_ma = int(amps * 1000)
    if factor is not None:
        car.pf_milli = int(factor * 1000 + 0.5)
    for name in ("phases", "diode", "obeys", "simplified", "reaction_ms", "stop_ms", "sleep_ms"):
        if name in args:
            setattr(car, name, args[name])
    outlet.refresh()


def _cable(args):
    outlet = _outlet(args)
    if "ohms" in args:
        outlet.cable_ohm = between(args, "ohms", 0, 1000000)
    elif args.get("amps") in CABLE_OHM:
        outlet.cable_ohm = CABLE_OHM[args["amps"]]
    else:
        raise Refused("a cable is coded for 13, 20, 32 or 63 amps; or give its resistance in ohms")
    outlet.refresh()


def _mains(args):
    world.current().set_mains(args.get("volts"), args.get("hertz"), args.get("phases"))


def _temperature(args):
    outlet = _outlet(args)
    outlet.sync()
    outlet.target_mc = int(between(args, "celsius", -40, 149) * 1000)


_C = ("connector", "int", False)
OUTLET_COMMANDS = {  # name: (function, ((argument, type, required), ...), text)
    "plug_in": (_plug_in, (_C,), "Plug a car in that asks for energy (C)"),
    "plug_in_idle": (_plug_in_idle, (_C,), "Plug a car in that does not ask (B)"),
    "ventilation": (_ventilation, (_C,), "A car that asks for energy with ventilation (D)"),
    "pause": (_pause, (_C,), "The car stops asking (C to B)"),
    "resume": (_resume, (_C,), "The car asks again"),
    "plug_out": (_plug_out, (_C, ("after_ms", "int", False)), "Take the plug out, now or in the midst of what runs then"),
    "measure": (_measure, (_C,), "What a meter at the plug sees: levels and duty of the pilot, whether it is live"),
    "swipe": (_swipe, (("token", "str", True), _C), "Show a card, at the plugged outlet or the lowest"),
    "lay_card": (_lay_card, (("token", "str", True), ("every_ms", "int", False), _C),
                 "Leave a card on the reader, sent again and again"),
    "lift_card": (_lift_card, (_C,), "Take it away"),
    "monitor": (_monitor, (("test_ms", "int", False), ("release_ms", "int", False), _C), "Times of the residual current monitor"),
    "adc": (_adc, (("max_mv", "int", False), _C), "Where the ADC of thermistor and proximity ends (3300)"),
    "button": (_button, (("ms", "int", False),), "Press the button"),
    "raise_fault": (_raise_fault, (("name", "str", True), _C), "Break something: an OCPP error name, diode, tamper..."),
    "clear_fault": (_clear_fault, (("name", "str", True), _C), "Mend it"),
    "ev": (_ev, (("max_amps", "number", False), ("phases", "int", False), ("diode", "bool", False),
                 ("obeys", "bool", False), ("simplified", "bool", False), ("reaction_ms", "int", False),
                 ("stop_ms", "int", False), ("power_factor", "number", False), _C), "What the car is like"),
    "cable": (_cable, (("amps", "int", False), ("ohms", "int", False), _C), "What the cable is coded for"),
    "mains": (_mains, (("volts", "number", False), ("hertz", "number", False), ("phases", "int", False)),
              "Change the supply"),
    "temperature": (_temperature, (("celsius", "number", True), _C), "Heat or cool the inside"),
}  # fmt: skip
