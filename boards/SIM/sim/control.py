"""Commands of the control port: actions of persons, cars and the weather on the charger, and queries.

answer(command) is called by the link; a command is a dictionary with "cmd" and its arguments.
"""

import gc
import sys

from sim import bootloader, figures, launch, link, loop_wait, net, pace, rtc, soft_irq, timebase, world
from sim.electrical_commands import ELECTRICAL_COMMANDS
from sim.outlet_commands import OUTLET_COMMANDS, Refused, between

static_heap = 0  # bytes that the world and this module hold; start.py measures it
filling = None  # start.py's: what keeps the firmware out of the crumbs that the world leaves
flash = None  # the device; start.py sets it


def _application():
    """The running firmware, or None while it starts."""
    app = sys.modules.get("charger.app")
    return getattr(app, "current", None) if app else None


def _network_down(args):
    net.cut()


def _network_up(args):
    net.restore()
    app = _application()
    if app is not None and args.get("retry", True):
        app.network_up()


def _wifi(args):
    import network

    if "on" in args:
        network.switch(args["on"])
    if "air" in args and not args["air"].partition("/")[0]:
        raise Refused("air must be NAME/PASSWORD")
    channel = between(args, "channel", 1, 13)
    if channel is not None or "air" in args:
        network.replace(args.get("air"), channel)
    if "ssid" in args:
        app = _application()
        if app is None:
            raise Refused("the charger is starting")
        why_not = app.wifi.set_network(args["ssid"], args.get("password", ""))
        if why_not:
            raise Refused(why_not)
    return {"setup_network": network.seen()}


def _lan(args):
    from sim import ethernet

    if not ethernet.fitted():
        raise Refused("this board has no Ethernet")
    if "on" in args:
        ethernet.plug(args["on"])
    return {"plugged": ethernet.plugged, "address": ethernet.has_address()}


def _power_cut(args):
    seconds = between(args, "seconds", 0, 3600)
    seconds = 2 if seconds is None else seconds
    if "after" not in args:
        return None, lambda: _no_power(seconds)
    if args.get("mode", "half") not in ("drop", "half", "late"):
        raise Refused("mode must be drop, half or late")
    flash.cut_after(between(args, "after", 0, 1000000), args.get("mode", "half"))
    loop_wait.on_wait(lambda: None if flash.powered else link.power_cut(seconds))
    return None


def _no_power(seconds):
    flash.power_off()
    link.power_cut(seconds)


def _reboot(args):
    from charger.drivers import reset_cause

    return None, lambda: reset_cause.reset("the bench")


async def _shut_down():
    app = _application()
    try:
        if app is not None:
            await app.close()
    finally:
        link.send({"event": "stopped"})
        link.libc.exit_now(0)


def _stop(args):
    return None, _shut_down


def _time_scale(args):
    timebase.set_scale(args["x"])


def _set_time(args):
    from charger import clock

    seconds, millis = clock.parse_iso(args["iso"])
    if not clock.set_utc(seconds, "installer", millis):
        raise Refused("the firmware takes no time before it was built or over 20 years later")
    rtc.set_seconds(seconds - rtc.EPOCH_S, millis)


def _stall(args):
    ms = between(args, "ms", 1, 60000)
    return None, lambda: timebase.hold_up(ms)


def _config(args):
    app = _application()
    if app is None:
        raise Refused("the charger is starting")
    return app.config_report()


def _modules(args):
    return sorted(name for name in sys.modules if name.partition(".")[0] == "charger")


def _slots(args):
    return bootloader.report()


def _security_log(args):
    app = _application()
    if app is None:
        raise Refused("the charger is starting")
    security_log = app.security_log
    count = between(args, "count", 1, 100)
    return {
        "first": security_log.first_seq, "next": security_log.next_seq, "broken": security_log.verify(),
        "sent": {sink: security_log.mark(sink) for sink in ("ocpp", "mqtt", "syslog")},
        "entries": security_log.tail(20 if count is None else count),
    }  # fmt: skip


def _acknowledge(args):
    app = _application()
    if app is None:
        raise Refused("the charger is starting")
    return {"clear": app.acknowledge("bench")}


def _erase(args):
    app = _application()
    if app is None:
        raise Refused("the charger is starting")
    if args["what"] not in ("personal", "factory"):
        raise Refused("what must be personal or factory")
    from charger.maintenance import erase

    why_not = erase.request(app.files, app.connectors, app.restart, args["what"], "bench")
    if why_not:
        raise Refused(why_not)


def _status(args):
    if args.get("collect"):
        gc.collect()
    app = _application()
    if app is None or app.charge_point is None:
        report = {
            "uptime_ms": 0, "starting": True, "tick": {"count": 0, "max_gap_ms": 0, "max_us": 0},
            "heap": {"used": gc.mem_alloc(), "free": gc.mem_free(), "peak": gc.mem_alloc()},
            "csms": {"connected": False, "accepted": False}, "connectors": {},
        }  # fmt: skip
    else:
        report = app.report()
    if args.get("collect"):
        report["heap"]["largest"] = _largest_piece()
    report["heap"]["used"] -= static_heap
    report["heap"]["peak"] -= static_heap
    report["pace"] = launch.config["pace"] or "off"
    if figures.current is not None and pace.on:
        _add_figures(report)
    report["time_scale"] = timebase.scale_milli / 1000
    report["flash"] = flash.figures()
    report["network"] = "down" if net.down else "up"
    here = world.current()
    report["led"] = here.light()
    report["display"] = None if here.display is None else here.display.rows()
    for outlet in here.outlets:
        connector = report["connectors"].setdefault(str(outlet.id), _dark())
        connector.update(_seen_from_outside(outlet))
    return report


def _largest_piece():
    """Bytes of the largest object that could be made now, to 512."""
    size, step = 0, 1 << 20
    while step >= 512:
        try:
            bytearray(size + step)
            size += step
        except MemoryError:
            pass
        step >>= 1
    return size


def _add_figures(report):
    """Figures that the pace measured; without a tick timer, the firmware's own count of ticks."""
    found = figures.report()
    tick = found.pop("tick")
    if tick["count"]:
        report["tick"].update(tick)
    report["paced"] = found


def _dark():
    """A connector of which the firmware does not say anything yet."""
    return {
        "ocpp_status": "Unavailable", "error_code": "NoError", "pilot": None, "relay": False, "offered_amps": 0,
        "power_w": None, "energy_wh": None, "transaction_id": None, "id_tag": None, "reason": "the charger is starting",
    }  # fmt: skip


def _seen_from_outside(outlet):
    """The real state of a connector, independent of the firmware."""
    outlet.sync()
    car = outlet.ev
    drawn = car.i_ma if outlet.contactor.closed else 0
    return {
        "drawn_amps": drawn / 1000,
        "delivered_wh": outlet.delivered_mwh / 1000,
        "contacts": outlet.contactor.closed,
        "reaction_ms": outlet.reaction_ms,
        "contactor_operations": outlet.contactor.operations,
        "locked": outlet.lock.locked,
        "tripped": outlet.rcd.tripped,
        "car": ("absent", "idle", "asking", "ventilation")[car.want],
        "faults": sorted(outlet.faults),
    }


def _help(args):
    return {name: {"args": [list(arg) for arg in entry[1]], "text": entry[2]} for name, entry in COMMANDS.items()}


COMMANDS = {  # as OUTLET_COMMANDS, which are added below
    "network_down": (_network_down, (), "Cut the link to the back end"),
    "network_up": (_network_up, (("retry", "bool", False),), "Bring it back; the charger connects at once unless retry is false"),
    "wifi": (_wifi, (("on", "bool", False), ("air", "str", False), ("channel", "int", False), ("ssid", "str", False),
                    ("password", "str", False)),
             "Access point on or off, another one, another channel; the owner gives a network; tells what is seen of the unit"),
    "lan": (_lan, (("on", "bool", False),), "The network cable of a unit with Ethernet is plugged in or not"),
    "power_cut": (_power_cut, (("seconds", "number", False), ("after", "int", False), ("mode", "str", False)),
                  "No power for seconds (2); after N more flash operations, which is then drop, half or late"),
    "reboot": (_reboot, (), "Press the reset"),
    "time_scale": (_time_scale, (("x", "number", True),), "Run x times as fast as real time"),
    "set_time": (_set_time, (("iso", "str", True),), "An installer sets the clock"),
    "stall": (_stall, (("ms", "int", True),), "Hold the interpreter up, as a long computation does"),
    "acknowledge": (_acknowledge, (), "The owner has looked at the unit: clear what is latched and over"),
    "erase": (_erase, (("what", "str", True),), "Have it forget what is personal, or all since the factory; it restarts"),
    "config": (_config, (), "All OCPP configuration keys"),
    "modules": (_modules, (), "The firmware's modules that are loaded"),
    "slots": (_slots, (), "The application slots: what runs, what each holds, what the bootloader thinks of it"),
    "security_log": (_security_log, (("count", "int", False),), "The last entries of the security log, and its state"),
    "status": (_status, (("collect", "bool", False),), "The state of charger and world; collect: garbage first"),
    "help": (_help, (), "This list"),
}  # fmt: skip
COMMANDS.update(OUTLET_COMMANDS)
COMMANDS.update(ELECTRICAL_COMMANDS)

_PRIVATE = {"stop": _stop}


def _checked(command, cmd, expected):
    """The arguments of a command, of the right types; Refused otherwise."""
    args = {}
    known = {name: (kind, required) for name, kind, required in expected}
    for name, value in command.items():
        if name in ("cmd", "n", "id") or value is None:
            continue
        if name not in known:
            raise Refused("%s has no argument %s" % (cmd, name))
        kind = known[name][0]
        if kind == "number":
            fits = type(value) in (int, float) and value == value and abs(value) < 1e12
        else:
            fits = type(value) is {"int": int, "bool": bool, "str": str}[kind]
        if not fits:
            raise Refused("%s must be of type %s" % (name, kind))
        args[name] = value
    for name, (_, required) in known.items():
        if required and name not in args:
            raise Refused("%s needs %s" % (cmd, name))
    return args


def answer(command):
    """(reply, function to call after the reply is sent or None). No soft interrupt comes in between."""
    soft_irq.enter()
    try:
        return _answer(command)
    finally:
        timebase.look()
        soft_irq.leave()


def _answer(command):
    cmd = command.get("cmd")
    after = None
    try:
        if cmd in _PRIVATE:
            result = _PRIVATE[cmd]({})
        elif cmd in COMMANDS:
            function, expected, _ = COMMANDS[cmd]
            result = function(_checked(command, cmd, expected))
        else:
            raise Refused("no command %s; help lists them" % cmd)
        if type(result) is tuple:
            result, after = result
        return {"ok": True, "result": result}, after
    except (Refused, ValueError) as error:
        return {"ok": False, "error": str(error)}, None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a report fails with, the port lives on
        sys.print_exception(error, sys.stderr)
        return {"ok": False, "error": "%s: %s" % (type(error).__name__, error)}, None
