"""Opening streams to servers, with code that is in RAM only meanwhile: net/tls.py and all it needs."""

from charger import late

# What is of no use once a stream is open.
_OPENING = (
    "charger.net.tls", "charger.net.tls_diagnosis", "charger.net.dns", "charger.net.wifi",
    "charger.credentials.server_certificate", "charger.crypto.der", "charger.crypto.hostname",
)  # fmt: skip


def client_context(roots: bytes | None, client_cert: bytes | None = None, client_key: bytes | None = None):
    """tls.client_context()"""
    from charger.net import tls

    return tls.client_context(roots, client_cert, client_key)


async def open_stream(host: str, port: int, context=None, deadline_ms: int = 30000, given=None) -> tuple:
    """tls.open_stream(), or `given`, which does the same for a test."""
    from charger.net import tls

    try:
        return await (given or tls.open_stream)(host, port, context, deadline_ms)
    finally:
        tls = None
        late.drop(*_OPENING)
