"""GetConfiguration (OCPP-74). More names than GetConfigurationMaxKeys are refused as a whole."""

from charger.errors import OcppError
from charger.ocpp.transport.error_codes import PROPERTY_CONSTRAINT_VIOLATION
from charger.runtime import cooperative

SPEC = ("obj", (), (("key", ("list", ("str", 50), None)),))


async def handle(cp: ChargePoint, request: dict) -> dict:
    """The keys asked for, or all."""
    names = request.get("key")
    if not names:
        from charger.ocpp.v16.streamed_list import StreamedList  # 300 frozen bytes, for a request of all keys

        config = cp.config
        return StreamedList("configurationKey", config.readable, config.changed)  # type: ignore[return-value] - rpc.py knows it
    if len(names) > cp.config.get_int("GetConfigurationMaxKeys"):
        raise OcppError(PROPERTY_CONSTRAINT_VIOLATION, "key: more than GetConfigurationMaxKeys")
    known, unknown = await cooperative.run(cp.config.report(names))
    answer = {}
    if known:
        answer["configurationKey"] = known
    if unknown:
        answer["unknownKey"] = unknown
    return answer
