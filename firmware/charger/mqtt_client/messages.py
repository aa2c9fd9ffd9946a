"""What the owner's portal is told, as JSON. No card numbers, no names, no secrets (SEC-10, SEC-15).
"""

import json

from charger import clock, status_report
from charger.audit import events

# What somebody has to look at: it goes to the topic of notices, too (SEC-9, SEC-17).
NOTICES = (events.TAMPER, events.TAMPER_CLEARED, events.FIRMWARE_INTEGRITY, events.VAULT_BROKEN, events.SAFETY_VALUE)


def status(app) -> bytes:
    """The unit as a whole."""
    connectors = {}
    for connector in app.connectors:
        facts = status_report.connector_report(connector)
        connectors[str(connector.id)] = {name: facts[name] for name in (
            "ocpp_status", "error_code", "info", "reason", "relay", "offered_amps", "power_w", "energy_wh")}  # fmt: skip
    return _text({
        "online": True, "time": _now(), "uptime_s": clock.uptime_s(), "firmware": app.config.get_str("FirmwareVersion"),
        "backend": app.charge_point.ready(), "setup": status_report.setup_words(app),
        "tamper": app.tamper.report() if app.tamper else None, "update": _update(app), "connectors": connectors,
    })  # fmt: skip


def offline(why: str) -> bytes:
    """Instead of the status: the last will, and what is said before a restart."""
    return _text({"online": False, "why": why})


def _update(app):
    """What is on offer (SEC-7) and how far it is."""
    if app.updates is None:
        return None
    facts = app.updates.report()
    return {name: facts.get(name) for name in ("version", "offer", "loading", "trial", "why", "altered")}


def running(connector) -> bytes:
    """A session that goes on; energy in Wh, power in W."""
    session = connector.session
    reading = connector.meter.reading
    return _text({
        "connector": connector.id, "session": session.local_id, "active": True, "started": _time(session.start_utc),
        "energy_wh": connector.meter.told_wh() - session.start_wh, "charging_s": session.charging_s,
        "power_w": reading.total_mw() // 1000 if reading.usable() else None, "reason": connector.why_no_energy(),
    })  # fmt: skip


def ended(facts: tuple) -> bytes:
    """A session that is over; the facts as service.py keeps them until they are told."""
    connector, number, start, stop, energy, charging_s, reason = facts
    return _text({
        "connector": connector, "session": number, "active": False, "started": _time(start), "stopped": _time(stop),
        "energy_wh": energy, "charging_s": charging_s, "ended_by": reason,
    })  # fmt: skip


def entry(item) -> bytes:
    """An entry of the security log."""
    return _text(item.to_dict())


def notice(item) -> bytes | None:
    """The same as a notice, None when it is none."""
    if item.event not in NOTICES:
        return None
    return _text({"notice": item.event, "text": item.info, "time": item.time(), "seq": item.seq})


def _text(data: dict) -> bytes:
    return json.dumps(data).encode()


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else clock.iso(seconds)


def _now() -> str | None:
    return _time(clock.utc_s())
