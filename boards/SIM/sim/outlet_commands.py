"""Commands of the control port for a car, a card, the wiring and the environment of an outlet."""

from sim import ev, world
from sim.outlet import CABLE_OHM


class Refused(Exception):
    """The command failed; the message is its reply."""


def outlet_of(args):
    """The outlet that a command names, the first one without a name."""
    return world.current().outlet(args.get("connector", 1))


def _plugged(args):
    outlet = outlet_of(args)
    if outlet.ev.want == ev.ABSENT:
        raise Refused("no car is plugged in at connector %d" % outlet.id)
    return outlet


def _plug(args, want):
    """Both contacts at once, or one of them later."""
    cp_ms, pp_ms = between(args, "cp_after_ms", 0, 60000) or 0, between(args, "pp_after_ms", 0, 60000) or 0
    outlet_of(args).plug(want, cp_ms, pp_ms)


def _plug_in(args):
    _plug(args, ev.ASKING)


def _plug_in_idle(args):
    outlet_of(args).plug(ev.IDLE)


def _ventilation(args):
    outlet_of(args).plug(ev.VENTILATION)


def _pause(args):
    _plugged(args).plug(ev.IDLE)


def _resume(args):
    _plugged(args).plug(ev.ASKING)


def _plug_out(args):
    if args.get("after_ms"):
        outlet_of(args).unplug_later(args["after_ms"])
    else:
        _plug(args, ev.ABSENT)


def _measure(args):
    outlet = outlet_of(args)
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
        outlet = outlet_of(args)
    else:
        outlets = world.current().outlets
        plugged = [one for one in outlets if one.ev.want != ev.ABSENT]
        outlet = plugged[0] if plugged else outlets[0]
    outlet.reader.swipe(args["token"])
    return {"connector": outlet.id}


def _lay_card(args):
    outlet_of(args).reader.lay(args["token"], between(args, "every_ms", 50, 60000) or 300)


def _lift_card(args):
    outlet_of(args).reader.lift()


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


_EV_NUMBERS = (  # argument, attribute, range, factor
    ("max_amps", "max_ma", 0, 80, 1000), ("phases", "phases", 1, 3, 1), ("power_factor", "pf_milli", 0.1, 1, 1000),
    ("reaction_ms", "reaction_ms", 0, 600000, 1), ("stop_ms", "stop_ms", 0, 600000, 1), ("sleep_ms", "sleep_ms", 0, 86400000, 1),
    ("adapt_ms", "adapt_ms", 0, 600000, 1), ("overshoot_percent", "overshoot_pct", 0, 100, 1),
    ("overshoot_ms", "overshoot_ms", 0, 60000, 1), ("inrush_amps", "inrush_ma", 0, 160, 1000),
    ("inrush_ms", "inrush_ms", 0, 300, 1), ("standby_ma", "standby_ma", 0, 5000, 1),
    ("give_up", "give_up", 0, 100, 1), ("rise_amps_per_s", "rise_ma_per_ms", 1, 1000, 1),
    ("fall_amps_per_s", "fall_ma_per_ms", 1, 1000, 1), ("step_ms", "step_ms", 10, 60000, 1),
)  # fmt: skip
_MOST_STEPS = 16
_EV_FLAGS = ("diode", "obeys", "simplified", "holds_s2")


def _steps(text):
    """The percentages of a car's steps, "50,19,100,0"."""
    steps = [int(part) if part.isdigit() else -1 for part in text.split(",")] if text else []
    if len(steps) > _MOST_STEPS or (steps and not 0 <= min(steps) <= max(steps) <= 200):
        raise Refused("steps must be up to %d percentages of 0 to 200, with commas, or empty" % _MOST_STEPS)
    return steps


def _ev(args):
    outlet = outlet_of(args)
    car = outlet.ev
    steps = _steps(args.get("steps", ""))
    outlet.sync()
    for name, _, low, high, _ in _EV_NUMBERS:
        between(args, name, low, high)
    for name, attribute, _, _, factor in _EV_NUMBERS:
        if name in args:
            setattr(car, attribute, int(args[name] * factor + 0.5))
    for name in _EV_FLAGS:
        if name in args:
            setattr(car, name, args[name])
    if "steps" in args:
        car.steps = steps
    outlet.refresh()


def _cable(args):
    outlet = outlet_of(args)
    if "ohms" in args:
        outlet.cable_ohm = between(args, "ohms", 0, 1000000)
    elif args.get("amps") in CABLE_OHM:
        outlet.cable_ohm = CABLE_OHM[args["amps"]]
    else:
        raise Refused("a cable is coded for 13, 20, 32 or 63 amps; or give its resistance in ohms")
    outlet.refresh()


def _mains(args):
    here = world.current()
    lost = between(args, "lost_phase", 0, 3)
    flicker_ms = between(args, "flicker_ms", 20, 60000)
    shift = between(args, "neutral_shift_percent", 0, 100)
    flicker = between(args, "flicker_percent", 0, 50)
    settings = {"shift_pct": shift, "flicker_pct": flicker, "lost_phase": lost, "flicker_ms": flicker_ms}
    ohms = between(args, "ohms", 0, 5)
    settings["impedance_mohm"] = None if ohms is None else ohms * 1000
    here.set_mains(args.get("volts"), args.get("hertz"), args.get("phases"))
    for name, value in settings.items():
        if value is not None:
            setattr(here.mains, name, int(value))
    here.mains.refresh()


def _temperature(args):
    outlet = outlet_of(args)
    outlet.sync()
    outlet.target_mc = int(between(args, "celsius", -40, 149) * 1000)


CONNECTOR = _C = ("connector", "int", False)


def optional(names):
    """Arguments that may be left out, the connector last: "name" is a number, "name:kind" something else."""
    found = []
    for name in names.split():
        name, _, kind = name.partition(":")
        found.append((name, kind or "number", False))
    found.append(CONNECTOR)
    return tuple(found)


_CP, _PP = ("cp_after_ms", "int", False), ("pp_after_ms", "int", False)
OUTLET_COMMANDS = {  # name: (function, ((argument, type, required), ...), text)
    "plug_in": (_plug_in, (_C, _CP, _PP), "Plug a car in that asks for energy (C); a contact may come later"),
    "plug_in_idle": (_plug_in_idle, (_C,), "Plug a car in that does not ask (B)"),
    "ventilation": (_ventilation, (_C,), "A car that asks for energy with ventilation (D)"),
    "pause": (_pause, (_C,), "The car stops asking (C to B)"),
    "resume": (_resume, (_C,), "The car asks again"),
    "plug_out": (_plug_out, (_C, ("after_ms", "int", False), _CP, _PP),
                 "Take the plug out, now or in the midst of what runs then"),
    "measure": (_measure, (_C,), "What a meter at the plug sees: levels and duty of the pilot, whether it is live"),
    "swipe": (_swipe, (("token", "str", True), _C), "Show a card, at the plugged outlet or the lowest"),
    "lay_card": (_lay_card, (("token", "str", True), ("every_ms", "int", False), _C),
                 "Leave a card on the reader, sent again and again"),
    "lift_card": (_lift_card, (_C,), "Take it away"),
    "button": (_button, (("ms", "int", False),), "Press the button"),
    "raise_fault": (_raise_fault, (("name", "str", True), _C), "Break something: an OCPP error name, diode, tamper..."),
    "clear_fault": (_clear_fault, (("name", "str", True), _C), "Mend it"),
    "ev": (_ev, optional("max_amps phases:int diode:bool obeys:bool simplified:bool reaction_ms:int stop_ms:int power_factor"
                         " sleep_ms:int adapt_ms:int overshoot_percent overshoot_ms:int inrush_amps inrush_ms:int standby_ma"
                         " holds_s2:bool give_up:int rise_amps_per_s:int fall_amps_per_s:int steps:str step_ms:int"),
           "What the car is like"),
    "cable": (_cable, (("amps", "int", False), ("ohms", "int", False), _C), "What the cable is coded for"),
    "mains": (_mains, (("volts", "number", False), ("hertz", "number", False), ("phases", "int", False),
                       ("lost_phase", "int", False), ("neutral_shift_percent", "number", False), ("ohms", "number", False),
                       ("flicker_percent", "number", False), ("flicker_ms", "int", False)),
              "Change the supply"),
    "temperature": (_temperature, (("celsius", "number", True), _C), "Heat or cool the inside"),
}  # fmt: skip
