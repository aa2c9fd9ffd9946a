"""GET /metrics: the unit's figures in Prometheus' text format, for clients whose token may read the status (SEC-10, SEC-18)."""

from charger import clock
from charger.access import roles
from charger.errors import RequestError
from charger.local_api import routes

_KIND = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nCache-Control: no-store\r\n"
# name, type, field of a connector's report
_OF_CONNECTOR = (
    ("energy_watthours_total", "counter", "energy_wh"),
    ("session_watthours", "gauge", "session_wh"),
    ("session_cost", "gauge", "session_cost"),
    ("power_watts", "gauge", "power_w"),
    ("voltage_volts", "gauge", "voltage_v"),
    ("offered_amperes", "gauge", "offered_amps"),
    ("charging", "gauge", "relay"),
)


async def answer(api: LocalApi, request: Request, host: str) -> tuple:
    """Return (status, pieces of text, header lines) of the charger's state. RequestError without the right token."""
    if request.method != "GET":
        raise RequestError(405, "This path supports GET.")
    if not roles.may(routes.client_of(api, request.fields, host), "status"):
        raise RequestError(403, "This token may not do this.")
    await clock.sleep_ms(0)
    figures = api.report()
    await clock.sleep_ms(0)
    return 200, _pieces(figures), _KIND


def _pieces(report: dict) -> list:
    pieces = [_metric("info", "gauge"), 'pilotlight_info{version="%s"} 1\n' % report["firmware"]]
    for name, kind, value in (
        ("uptime_seconds", "counter", report["uptime_ms"] // 1000),
        ("heap_used_bytes", "gauge", report["heap"]["used"]),
        ("heap_free_bytes", "gauge", report["heap"]["free"]),
        ("backend_connected", "gauge", report["csms"]["connected"]),
    ):
        pieces.append(_metric(name, kind))
        pieces.append("pilotlight_%s %d\n" % (name, value))
    for name, kind, field in _OF_CONNECTOR:
        pieces.append(_metric(name, kind))
        for number, connector in report["connectors"].items():
            value = connector[field]
            if isinstance(value, bool):
                value = int(value)
            if value is not None:
                pieces.append('pilotlight_%s{connector="%s"} %s\n' % (name, number, value))
    pieces.append(_metric("status", "gauge"))
    for number, connector in report["connectors"].items():
        pieces.append('pilotlight_status{connector="%s",status="%s"} 1\n' % (number, connector["ocpp_status"]))
    return pieces


def _metric(name: str, kind: str) -> str:
    return "# TYPE pilotlight_%s %s\n" % (name, kind)
