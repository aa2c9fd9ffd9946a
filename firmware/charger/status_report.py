"""The charger's state as plain data, for the local API, MQTT and a test bench's control port."""

import gc

from charger import clock, version


def connector_report(connector: Connector, planner: Planner | None) -> dict:
    """Report one connector; currents in A, power in W, energy in Wh. `reason` is why no energy flows, as text."""
    outlet = connector.outlet
    reading = connector.meter.reading
    session = connector.session
    limit_da = outlet.limits.get("user")
    return {
        "ocpp_status": connector.status,
        "error_code": connector.error_code,
        "info": connector.info,
        "pilot": outlet.pilot_name(),
        "relay": outlet.energised,
        "openings": outlet.switch.openings,
        "openings_under_load": outlet.switch.hot_openings,
        "opened_by": outlet.switch.hot_cause,  # the last one under load
        "offered_amps": outlet.offered_da / 10,
        "limit": outlet.limit_words(),
        "limit_amps": None if limit_da is None else limit_da / 10,
        "paused": outlet.limits.get("pause") is not None,
        "power_w": reading.total_mw() // 1000 if reading.usable() else None,
        "power_age_ms": clock.elapsed_ms(reading.stamp_ms) if reading.usable() else None,  # UK-19: 1 s at the most
        "energy_wh": connector.meter.reported_wh(),
        "session_wh": connector.meter.reported_wh() - session.start_wh if session else None,
        "session_cost": planner.session_cost(connector) if planner else None,
        "session_s": _duration_s(session) if session else None,
        "voltage_v": reading.v_mv[0] // 1000 if reading.usable() else None,
        "amps": [(ma + 50) // 100 / 10 for ma in reading.i_ma[: reading.connected]] if reading.usable() else None,
        "transaction_id": session.transaction_id if session else None,
        "id_tag": session.id_tag if session else None,
        "reason": connector.why_no_energy(),
        "plan": planner.lane_report(connector),
    }


def _duration_s(session: Session) -> int | None:
    """Seconds since a session began; None for one that began before the last restart."""
    return (clock.uptime_ms() - session.start_uptime_ms) // 1000 if session.boot_id == clock.boot_id else None


def heap_report(peak: int) -> dict:
    """Report the bytes of heap in use, free, and the highest use."""
    used = gc.mem_alloc()
    return {"used": used, "free": gc.mem_free(), "peak": max(peak, used)}


def link_report(csms: Any, link: Connection, settings: ConnectionSettings) -> dict:
    """Report the link to the back end: the security profile in force, and `fault`, why there is no link."""
    report = csms.report()
    report["security_profile"] = settings.security_profile
    report["fault"] = link.fault
    return report


def wifi_report(wifi: Any, station: Any, vault: Vault) -> dict:
    """up, wired (by Ethernet), known (a network was given), setup_s left of the setup network; when up: ip, rssi in dBm."""
    known = vault.names()
    setup = wifi.setup
    report = {"up": station.isconnected(), "wired": wifi.wired(),
              "known": "wifi/name" in known and "wifi/password" in known, "setup_s": setup.left_s if setup else 0}
    if report["up"]:
        report["ip"] = station.ifconfig()[0]
        try:
            report["rssi"] = station.status("rssi")
        except (OSError, ValueError, TypeError):
            report["rssi"] = None
    return report


def setup_words(provisioned: bool, vault: Vault) -> str:
    """Why nothing can be configured, in words; '' on a unit whose credentials are in order (SEC-2, SEC-10)."""
    if not provisioned:
        return "not provisioned: configuration is refused"
    if vault.broken:
        return "credentials were altered: to be provisioned again, configuration is refused"
    return ""


def _support_until(factory: str) -> str | None:
    """The later date of the factory's and the release's, YYYY-MM-DD; None without any. Any other text counts as none."""
    parts = factory.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdigit() for part in parts):
        factory = ""
    return max(factory, version.SUPPORT_UNTIL) or None


def charger_report(app: Application) -> dict:
    """The whole charger."""
    csms = app.charge_point
    control = app.control
    return {
        "uptime_ms": clock.uptime_ms(),
        "utc": clock.now_iso() if clock.utc_s() is not None else None,
        "firmware": version.VERSION,
        "support_until": _support_until(app.config.get_str("SupportUntil")),
        "boots": clock.boot_id,
        "tick": {"count": control.ticks, "max_gap_ms": control.max_gap_ms, "max_us": control.max_us},
        "heap": heap_report(app.heap_peak),
        "csms": link_report(csms, app.link, app.settings) if csms else {"connected": False},
        "failed_task": app.supervisor.failed,
        "portal": app.mqtt_client.report() if app.mqtt_client else None,
        "syslog": app.syslog_client.report() if app.syslog_client else None,
        "setup": setup_words(app.provisioned, app.vault),
        "wifi": wifi_report(app.wifi, app.station, app.vault),
        "update": app.updates.report() if app.updates else None,
        "web": {"port": app.listener.port} if app.listener else None,
        "tamper": app.tamper.report() if app.tamper else None,
        "grid": app.planner.report(),
        "house_meter": app.house_meter.fault if app.house_meter else None,  # "" while it is read
        "group": app.group.report() if app.group else None,  # the chargers that share one fuse
        "connectors": {str(c.id): connector_report(c, app.planner) for c in app.connectors},
    }
