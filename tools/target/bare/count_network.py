"""The longest slice of what others in the network send (handler_slices.py)."""

import asyncio

import handler_slices

asyncio.run(handler_slices.others())
