"""GetConfiguration (OCPP-74). More names than GetConfigurationMaxKeys are refused as a whole."""

from micropython import const

from charger.errors import OcppError
from charger.ocpp.transport.error_codes import PROPERTY_CONSTRAINT_VIOLATION
from charger.runtime import cooperative

SPEC = ("obj", (), (("key", ("list", ("str", 50), None)),))
_FEW = const(4)  # keys that are looked up at once


def handle(cp: ChargePoint, request: dict) -> Any:
    """The keys asked for, or all: the answer, or the coroutine that makes it where they are many."""
    names = request.get("key")
    if names and len(names) > cp.config.get_int("GetConfigurationMaxKeys"):
        raise OcppError(PROPERTY_CONSTRAINT_VIOLATION, "key: more than GetConfigurationMaxKeys")
    if names and len(names) <= _FEW:
        return cooperative.run_now(cp.config.report(names))
    return cooperative.run(cp.config.report(names)) if names else _all(cp.config)


async def _all(config: Configuration) -> Any:
    """The answer with all keys; as a coroutine, so that messages are read while it is sent."""
    from charger.ocpp.v16.streamed_list import StreamedList  # 300 frozen bytes, for a request of all keys

    return StreamedList("configurationKey", config.readable, config.changed)
