"""The MQTT messages as JSON. They contain no card numbers, no names and no secrets (SEC-10, SEC-15).
"""

import json

from charger import clock, status_report
from charger.audit import events

# Events that need attention: also published on the topic notice (SEC-9, SEC-17).
NOTICES = (events.TAMPER, events.TAMPER_CLEARED, events.FIRMWARE_INTEGRITY, events.VAULT_BROKEN, events.SAFETY_VALUE,
           events.LOG_ALTERED)


def status(app: Application) -> bytes:
    """Encode the unit's status."""
    connectors = {}
    for connector in app.connectors:
        facts = status_report.connector_report(connector, app.planner)
        connectors[str(connector.id)] = {name: facts[name] for name in (
            "ocpp_status", "error_code", "info", "reason", "relay", "offered_amps", "power_w", "voltage_v", "amps",
            "energy_wh", "session_wh", "session_cost", "limit_amps", "paused", "plan")}  # fmt: skip
    return _text({
        "online": True, "time": _now(), "uptime_s": clock.uptime_s(), "firmware": app.config.get_str("FirmwareVersion"),
        "backend": app.charge_point.ready(), "setup": status_report.setup_words(app.provisioned, app.vault),
        "tamper": app.tamper.report() if app.tamper else None, "update": _update(app.updates), "connectors": connectors,
        "solar_mode": app.config.get_str("SolarMode"),
    })  # fmt: skip


def offline(why: str) -> bytes:
    """Encode the offline status: the last will, and the message before a restart."""
    return _text({"online": False, "why": why})


def _update(updates: UpdateManager | None) -> dict | None:
    """Return the offered update (SEC-7) and the progress."""
    if updates is None:
        return None
    facts = updates.report()
    return {name: facts.get(name) for name in ("version", "offer", "loading", "percent", "trial", "why", "altered")}


def running(connector: Connector) -> bytes:
    """Encode a running session; energy in Wh, power in W."""
    session = connector.session
    reading = connector.meter.reading
    return _text({
        "connector": connector.id, "session": session.local_id, "active": True, "started": _time(session.start_utc),
        "energy_wh": connector.meter.reported_wh() - session.start_wh, "charging_s": session.charging_s,
        "power_w": reading.total_mw() // 1000 if reading.usable() else None, "reason": connector.why_no_energy(),
    })  # fmt: skip


def ended(facts: tuple) -> bytes:
    """Encode an ended session from the tuple that client.py queues."""
    connector, number, start, stop, energy, charging_s, reason = facts
    return _text({
        "connector": connector, "session": number, "active": False, "started": _time(start), "stopped": _time(stop),
        "energy_wh": energy, "charging_s": charging_s, "ended_by": reason,
    })  # fmt: skip


def entry(item: Any) -> bytes:
    """Encode an entry of the security log."""
    return _text(item.to_dict())


def notice(item: Any) -> bytes | None:
    """Encode an entry as a notice, None when it needs no attention."""
    if item.event not in NOTICES:
        return None
    return _text({"notice": item.event, "text": item.info, "time": item.time(), "seq": item.seq})


def _text(data: dict) -> bytes:
    return json.dumps(data).encode()


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else clock.iso(seconds)


def _now() -> str | None:
    return _time(clock.utc_s())
