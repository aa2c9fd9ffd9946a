# MQTT packets for the brokers of the unit tests.


async def exactly(end, count):
    """Read count bytes; EOFError when the connection ends before."""
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = await end.readinto(view)
        if not got:
            raise EOFError
        view = view[got:]
    return bytes(data)


async def packet(end):
    """(first byte, body) of the next packet."""
    first = (await exactly(end, 1))[0]
    size = shift = 0
    while True:
        byte = (await exactly(end, 1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return first, await exactly(end, size)
