"""GetDiagnostics (OCPP-117)."""

from charger import clock

SPEC = (
    "obj",
    (("location", ("str", 1024, 1)),),
    (
        ("retries", ("whole", 0, 100)),
        ("retryInterval", ("whole", 0, 86400)),
        ("startTime", ("time",)),
        ("stopTime", ("time",)),
    ),
)


def handle(cp, request: dict) -> dict:
    """fileName, or nothing without a way to send one or for a span that ends before it begins. The answer goes first."""
    service = cp.diagnostics
    name = service.name()
    since, until = _seconds(request.get("startTime")), _seconds(request.get("stopTime"))
    if name is None or (since is not None and until is not None and until < since):
        return {}
    retries, interval_s = int(request.get("retries", 0)), int(request.get("retryInterval", 60))
    cp.after(lambda: service.start(request["location"], name, retries, interval_s, since, until))
    return {"fileName": name}


def _seconds(text) -> int | None:
    return None if text is None else clock.parse_iso(text)[0]
