"""GetDiagnostics (OCPP-117)."""

SPEC = (
    "obj",
    (
        ("location", ("str", 1024, 1)),
        ("retries?", ("whole", 0, 100)),
        ("retryInterval?", ("whole", 0, 86400)),
        ("startTime?", ("time",)),
        ("stopTime?", ("time",)),
    ),
)


def handle(cp, request: dict) -> dict:
    """fileName, or nothing when there is nothing to send."""
    retries, interval_s = int(request.get("retries", 0)), int(request.get("retryInterval", 60))
    name = cp.diagnostics.start(request["location"], retries, interval_s)
    return {} if name is None else {"fileName": name[:255]}
