"""Eastron SDM630 and SDM120 at byte level: Modbus RTU requests in, input registers of floats out.

A MID meter: exact within its class, with counters of its own that nothing sets back. `violations` has what a real one
would not have understood.
"""

import struct

from sim.chips.unit import Noise

_TURN_US = 20000  # the meter thinks before it answers
_GAP_US = 20000  # a pause that long ends an unfinished request
_MOST = 80  # registers of one request
_NOMINAL = 1000000
BAUD = 9600


def crc16(data):
    """Modbus's CRC."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class SdmChip:
    """A meter of so many phases that measures a source. `dead`: set it, and it answers no more."""

    def __init__(self, source, seed=1, phases=3, address=1, now=None, kind="sdm630"):
        self._source = source
        self._now = now
        self._noise = Noise(seed + 77)
        self._phases = phases
        self._address = address
        self._kind = kind
        self.dead = self.frozen = False
        self.violations = []
        self.import_wh = 12345.678 if seed else 0.0  # it has counted since the maker's test
        self.export_wh = 0.0
        self._watts = 0.0
        self._sampled_ms = now()
        self._request = bytearray()
        self._heard_us = 0
        self._wire = None
        self._held = None

    def attach(self, wire):
        """Connect the line that it sends on."""
        self._wire = wire

    def factory(self):
        """The entry that the simulated factory stores; the driver needs none."""
        entry = {"kind": self._kind, "skew_ns": [0] * self._phases, "sign": [1] * self._phases, "floor_ma": [0] * self._phases}
        for field in ("v", "i", "p", "e"):
            entry[field] = [_NOMINAL] * self._phases
        return entry

    def brown_out(self):
        """It keeps its counters."""
        self._request = bytearray()

    def preset_count(self, count):
        """Set the imported energy, in Wh."""
        self.import_wh = float(count)

    def advance(self):
        """Count the energy since the last time."""
        now = self._now()
        self._source.sample(now)
        watts = sum(self._source.p_mw[: self._phases]) / 1000
        wh = (self._watts + watts) / 2 * (now - self._sampled_ms) / 3600000
        if wh >= 0:
            self.import_wh += wh
        else:
            self.export_wh -= wh
        self._watts = watts
        self._sampled_ms = now

    def registers(self):
        """Value of each pair of input registers by its address."""
        self.advance()
        source, values = self._source, {}
        for n in range(self._phases):
            accuracy = 1 + 0.001 * self._noise.uniform()  # class 1, and better
            values[2 * n] = source.v_mv[n] / 1000 * accuracy
            values[6 + 2 * n] = source.i_ma[n] / 1000 * accuracy
            values[12 + 2 * n] = source.p_mw[n] / 1000 * accuracy
        values[0x46] = source.f_mhz / 1000
        values[0x48] = self.import_wh / 1000
        values[0x4A] = self.export_wh / 1000
        return values

    # --- the wire ---

    def run(self, now_us):
        """It only answers."""

    def receive(self, byte, at_us):
        """One byte of a request."""
        if self.dead:
            return
        if at_us - self._heard_us > _GAP_US:
            self._request = bytearray()
        self._heard_us = at_us
        self._request.append(byte)
        request = self._request
        if len(request) < 8:
            return
        self._request = bytearray()
        if request[0] != self._address:
            return
        if crc16(request[:6]) != bytes(request[6:]):
            self.violations.append("CRC")
            return
        self._wire.send(self._answer(request), at_us + _TURN_US)

    def _answer(self, request):
        first, count = request[2] << 8 | request[3], request[4] << 8 | request[5]
        if request[1] != 4 or not 1 <= count <= _MOST or first % 2 or count % 2:
            self.violations.append("function %d, %d registers from %d" % (request[1], count, first))
            frame = bytes((self._address, request[1] | 0x80, 1 if request[1] != 4 else 2))
        else:
            if self._held is None or not self.frozen:
                self._held = self.registers()
            frame = bytes((self._address, 4, 2 * count))
            for address in range(first, first + count, 2):
                frame += struct.pack(">f", self._held.get(address, 0.0))
        return frame + crc16(frame)


def fit(place):
    """Wire one; sdm120.py has the meter of one phase."""
    phases = 1 if place.kind == "sdm120" else 3
    options = place.options
    chip = SdmChip(place.outlet, place.seed, phases, options.get("address", 1), place.now, place.kind)
    place.uart(chip, baud=options.get("baudrate", BAUD))
    return chip
