"""The longest slice of each handler of the charger: OCPP, local API, commands by MQTT, files (handler_slices.py)."""

import asyncio

import handler_slices

asyncio.run(handler_slices.messages_and_requests())
print("count slice.compaction", handler_slices.slices.compaction)
