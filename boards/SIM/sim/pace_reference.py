"""The reference workload that ties this machine's speed to a board's: work of the firmware's kind, always the same amount.

run() is pure MicroPython without imports, so that a bare-metal target can count its instructions; start.py's calibration
measures the CPU time that the same run() takes here. It allocates some 20 KB: collect before, and no collection comes.
"""

ROUNDS = 80
CHECK = 3165194  # what run() returns; another value: another workload, and the instruction count is not its


class _Guard:
    def __init__(self, limit, delay_ms):
        self.limit = limit
        self.delay_ms = delay_ms
        self.since_ms = 0
        self.tripped = False

    def step(self, value, dt_ms):
        """A guard as the control step has them: a comparison, a time, a latch."""
        if value <= self.limit:
            self.since_ms = 0
            return self.tripped
        self.since_ms += dt_ms
        if self.since_ms >= self.delay_ms:
            self.tripped = True
        return self.tripped


class _Outlet:
    def __init__(self):
        self.guards = [_Guard(100 + n, 50 + n) for n in range(8)]
        self.high = 0
        self.low = 0
        self.trips = 0

    def sample(self, seed):
        """Two plateaus out of a burst of samples, as the pilot driver finds them."""
        high = 0
        low = 65535
        value = seed
        for _ in range(40):
            value = (value * 12829 + 13849) & 0xFFFF
            if value > high:
                high = value
            if value < low:
                low = value
        self.high = high
        self.low = low

    def tick(self, seed):
        """One control step."""
        self.sample(seed)
        current = self.high - self.low >> 9
        for guard in self.guards:
            if guard.step(current, 20):
                self.trips += 1
                guard.tripped = False
        return current


_KEYS = ("HeartbeatInterval", "MeterValueSampleInterval", "LocalPreAuthorize", "WebSocketPingInterval")


def _message(number):
    """A message made and taken apart again: dictionaries, lists, text, bytes."""
    payload = {}
    for key in _KEYS:
        payload[key] = number + len(key)
    parts = []
    for key in sorted(payload):
        parts.append("\"%s\":%d" % (key, payload[key]))
    text = "{" + ",".join(parts) + "}"
    data = text.encode()
    total = 0
    for byte in data:
        total = total * 31 + byte & 0xFFFFF
    for part in text[1:-1].split(","):
        name, _, value = part.partition(":")
        if payload.get(name[1:-1]) == int(value):
            total += 1
    return total


def run():
    """The whole workload; returns CHECK."""
    outlet = _Outlet()
    total = 0
    for number in range(ROUNDS):
        total += outlet.tick(number * 97 + 1)
        if number % 4 == 0:
            total += _message(number)
        try:
            total += outlet.trips if number & 1 else _KEYS.index(_KEYS[number & 3])
        except ValueError:
            total = 0
        total &= 0x3FFFFF
    return total


class Probe:
    """A small part of it that allocates nothing, to see whether the machine is as fast as it was."""

    def __init__(self):
        self._outlet = _Outlet()

    def run(self):
        """Some 50 us on a PC."""
        for number in range(4):
            self._outlet.tick(number * 97 + 1)
