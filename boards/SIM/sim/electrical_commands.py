"""Commands of the control port for the flaws of cars, mains, parts and chips (docs/SIMULATION.md, "The electrical world")."""

from binascii import unhexlify

from sim import hardware_times, launch, lines, link, world
from sim.meter_flaws import ABSURD
from sim.outlet_commands import CONNECTOR, Refused, between, optional, outlet_of

_SHARED_INPUTS = ("tamper", "button", "fault", "rails")


def _set(args, *groups):
    """Set numeric attributes, all or none: a group is (part, ((argument, attribute, lowest, highest, factor), ...))."""
    for _, ranges in groups:
        for name, _, low, high, _ in ranges:
            between(args, name, low, high)
    for part, ranges in groups:
        for name, attribute, _, _, factor in ranges:
            if name in args:
                setattr(part, attribute, int(args[name] * factor))


_PILOT = (
    ("plus_mv", "plus_mv", 5000, 15000, 1), ("minus_mv", "minus_mv", -15000, -5000, 1), ("drift_mv", "drift_mv", -500, 500, 1),
)  # fmt: skip
_PILOT_LEVELS = (("noise_mv", "noise_uv"), ("glitch_mv", "glitch_uv"), ("burst_mv", "burst_uv"), ("ring_mv", "ring_uv"))
_PILOT_TIMES = tuple([(name, name, 0, 1000000, 1) for name in ("glitch_every", "burst_us", "ring_us", "edge_us")])


def _pilot(args):
    outlet = outlet_of(args)
    sense, circuit = outlet.pilot_sense, outlet.circuit
    for name, _ in _PILOT_LEVELS:
        between(args, name, 0 if name == "noise_mv" else -12000, 300 if name == "noise_mv" else 12000)
    _set(args, (sense, _PILOT_TIMES), (circuit, _PILOT))
    for name, attribute in _PILOT_LEVELS:
        if name in args:
            setattr(sense, attribute, circuit.at_adc_uv(int(args[name])))
    circuit.warm(outlet.temperature_mc)
    sense.refresh()
    outlet.refresh()


def _adc(args):
    outlet = outlet_of(args)
    sense = outlet.pilot_sense
    ends = (("min_mv", "adc_min_uv", 0, 500, 1000), ("max_mv", "adc_max_uv", 0, 3300, 1000),
            ("bow_mv", "adc_bow_uv", -200, 200, 1000), ("noise_mv", "adc_noise_mv", 0, 32, 1))  # fmt: skip
    own = (("conversion_us", "conversion_us", 10, 250, 1), ("drift_ppm", "drift_ppm", -1000, 1000, 1),
           ("noise_mv", "noise_uv", 0, 32, 1000))  # fmt: skip
    _set(args, (outlet, ends), (sense, own))
    sense.floor_uv, sense.ceiling_uv, sense.bow_uv = outlet.adc_min_uv, outlet.adc_max_uv, outlet.adc_bow_uv
    if "locked" in args:
        sense.locked = args["locked"]
    sense.refresh()


def _contactor(args):
    outlet = outlet_of(args)
    contactor = outlet.second if args.get("second") else outlet.contactor
    if contactor is None:
        raise Refused("this unit has no second contactor")
    if args.get("auxiliary", "true") not in ("true", "open", "closed"):
        raise Refused("auxiliary must be true, open or closed")
    outlet.sync()
    own = (("close_ms", "close_ms", 1, 1000, 1), ("open_ms", "open_ms", 1, 1000, 1), ("bounce_ms", "bounce_ms", 0, 100, 1),
           ("welded_pole", "welded_pole", 0, 3, 1))  # fmt: skip
    _set(args, (contactor, own),
         (outlet, (("leaks_volts", "leaks_mv", 0, 400, 1000), ("drop_out_volts", "drop_out_mv", 0, 400, 1000))))  # fmt: skip
    if "auxiliary" in args:
        contactor.auxiliary = {"true": None, "open": 0, "closed": 1}[args["auxiliary"]]
    for name in ("welded", "stuck"):
        if name in args:
            setattr(contactor, name, args[name])
    outlet.refresh()


def _monitor(args):
    rcd = outlet_of(args).rcd
    _set(args, (rcd, tuple([(name, name, 0, 10000, 1) for name in ("trip_ms", "test_ms", "release_ms")])))
    if "latching" in args:
        rcd.latching = args["latching"]
    if args.get("reset"):
        rcd.reset()


def _lock(args):
    _set(args, (outlet_of(args).lock, (("jams", "jams", 0, 100, 1), ("sticks", "sticks", 0, 100, 1),
                                   ("move_ms", "move_ms", 1, 10000, 1))))


def _meter(args):
    outlet = outlet_of(args)
    chip = outlet.meter
    if args.get("absurd", "power") not in ABSURD:
        raise Refused("absurd must be one of " + ", ".join(ABSURD))
    if "stale" in args and not hasattr(chip, "stale"):
        raise Refused("only a CSE7766 repeats the registers of the last load")
    ms = between(args, "ms", 1, 3600000) or 200
    _set(args, (outlet.flaws, (("offset_ma", "offset_ma", 0, 5000, 1), ("offset_w", "offset_mw", -1000, 1000, 1000))))
    for name in ("stale", "frozen"):
        if name in args:
            setattr(chip, name, args[name])
    if "absurd" in args:
        outlet.flaws.absurd(args["absurd"], ms)


def _card_bytes(args):
    try:
        data = unhexlify(args["hex"])
    except ValueError:
        raise Refused("hex must be pairs of hexadecimal digits")
    outlet_of(args).reader.send(data)


def _inputs(outlet):
    """{name: (part of the board's data, key)} of the inputs of an outlet that can be disturbed."""
    names = {
        "pilot": ("pilot", "adc"), "proximity": ("proximity", "adc"), "ntc": ("ntc", "adc"), "trip": ("rcd", "trip"),
        "feedback": ("contactor", "feedback"), "second_feedback": ("phase_switch", "feedback"), "lock": ("lock", "feedback"),
        "outlet_fault": ("fault_input", "pin"),
    }  # fmt: skip
    import board

    wiring = board.OUTLETS[outlet.id - 1]
    return {name: wiring[part][key] for name, (part, key) in names.items() if wiring[part]}


def _disturb(args):
    import board

    outlet = outlet_of(args)
    found = _inputs(outlet)
    for name in _SHARED_INPUTS:
        if board.SHARED.get(name) is not None:
            found[name] = board.SHARED[name]
    if args["input"] not in found:
        raise Refused("there is no such input; there are " + ", ".join(sorted(found)))
    ms = between(args, "ms", 1, 3600000)
    between(args, "mv", -15000, 15000)
    pins = found[args["input"]]
    here = world.current()
    for pin in pins if isinstance(pins, (tuple, list)) else (pins,):
        line = here.analog.get(pin) or here.digital[pin]
        if isinstance(line, lines.PilotSense):
            line.disturb(ms, outlet.circuit.level_uv(int(args.get("mv", 0))))
        else:
            line.disturb(ms, int(args.get("mv", 0)) * 1000)


def _flash_time(args):
    if args["time"] not in hardware_times.FLASH_ERASE_SECTOR_US:
        raise Refused("time must be typical or worst")
    launch.config["flash_time"] = args["time"]


def _house(args):
    house = world.current().house
    if house is None:
        raise Refused("this unit has no input of the house's current")
    _set(args, (house, (("amps", "others_ma", -100, 100, 1000),)))


def _brown_out(args):
    seconds = between(args, "seconds", 0, 3600)
    return None, lambda: link.power_cut(0 if seconds is None else seconds, True)


ELECTRICAL_COMMANDS = {  # as OUTLET_COMMANDS
    "pilot": (_pilot, optional("plus_mv minus_mv drift_mv noise_mv glitch_mv glitch_every burst_mv burst_us ring_mv ring_us"
                               " edge_us"),
              "Levels of the pilot generator, and what disturbs the pilot, in mV at the pilot"),
    "adc": (_adc, optional("max_mv min_mv bow_mv noise_mv conversion_us drift_ppm locked:bool"),
            "Flaws of the chip's ADC; conversion time and phase of its samples of the pilot"),
    "contactor": (_contactor, optional("close_ms open_ms bounce_ms welded_pole leaks_volts drop_out_volts auxiliary:str"
                                       " second:bool welded:bool stuck:bool"),
                  "Times and flaws of the contactor, or of the second one; auxiliary is true, open or closed"),
    "monitor": (_monitor, optional("test_ms release_ms trip_ms latching:bool reset:bool"),
                "Times and kind of the residual current monitor; reset presses its button"),
    "lock": (_lock, optional("jams sticks move_ms"), "So many pushes, or releases, do not move the bolt; how long it takes"),
    "meter": (_meter, optional("offset_ma offset_w ms absurd:str stale:bool frozen:bool"),
              "What the meter chip measures wrong; absurd is power, voltage or current, for ms (200)"),
    "card_bytes": (_card_bytes, (("hex", "str", True), CONNECTOR), "Bytes from the card reader: parts of frames, noise"),
    "disturb": (_disturb, (("input", "str", True), ("ms", "int", True), ("mv", "number", False), CONNECTOR),
                "For ms an input reads the other level, an analogue one mv"),
    "flash_time": (_flash_time, (("time", "str", True),), "Flash takes its typical or worst time, with a pace"),
    "house": (_house, (("amps", "number", True),), "With HouseKind: what the house takes beside the charger; below 0: gives"),
    "brown_out": (_brown_out, (("seconds", "number", False),), "The controller's supply dips: it restarts, its RTC memory stays"),
}  # fmt: skip
