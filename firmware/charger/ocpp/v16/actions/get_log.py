"""GetLog (WP-40)."""

from charger import clock
from charger.ocpp.v16.services.upload_attempts import job_of

SPEC = (
    "obj",
    (
        ("logType", ("enum", ("DiagnosticsLog", "SecurityLog"))),
        ("requestId", ("int", None, None)),
        (
            "log",
            (
                "obj",
                (("remoteLocation", ("str", 512, 1)),),
                (
                    ("oldestTimestamp", ("time",)),
                    ("latestTimestamp", ("time",)),
                ),
            ),
        ),
    ),
    (
        ("retries", ("whole", 0, 100)),
        ("retryInterval", ("whole", 0, 86400)),
    ),
)


async def handle(cp: ChargePoint, request: dict) -> dict:
    """Accepted, AcceptedCanceled when a running upload is given up for it, Rejected without a way to send files or for a
    span that ends before it begins."""
    await clock.sleep_ms(0)  # the check of the request takes 6 ms, the first import of the service 10
    service, kind, asked = cp.logs(), request["logType"], request["log"]
    span = clock.seconds_of(asked.get("oldestTimestamp")), clock.seconds_of(asked.get("latestTimestamp"))
    if None not in span and span[1] < span[0]:  # type: ignore[operator]
        return {"status": "Rejected"}
    status, name = service.status_of_request(kind)
    if name is None:
        return {"status": status}
    job = job_of(asked["remoteLocation"], name, request, span)
    job["kind"], job["id"] = kind, request["requestId"]

    async def begin() -> None:  # a task of its own: the text and its modules take 15 ms
        service.start(job)

    cp.after(begin)
    return {"status": status, "filename": name}
