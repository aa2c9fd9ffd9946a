"""GetDiagnostics (OCPP-117)."""

from charger import clock
from charger.ocpp.v16.services.upload_attempts import job_of

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


def handle(cp: ChargePoint, request: dict) -> dict:
    """fileName, or nothing without a way to send one or for a span that ends before it begins. The answer goes first."""
    service = cp.diagnostics()
    name = service.name()
    since, until = span = clock.seconds_of(request.get("startTime")), clock.seconds_of(request.get("stopTime"))
    if name is None or (None not in span and until < since):  # type: ignore[operator]
        return {}
    job = job_of(request["location"], name, request, span)

    async def begin() -> None:  # a task of its own: the text and its modules take 15 ms
        service.start(job)

    cp.after(begin)
    return {"fileName": name}
