"""machine.UART with one simulated chip at the other end; bytes take their time at the chip's rate."""


class UARTWire:
    """The driver's side: any(), read(), readinto(), write(). The chip's side: chip.receive(byte, us), and send().

    now         milliseconds, as the driver sees them
    bit_rate    and bits a byte with start, parity and stop: what a byte costs on the line
    rxbuf       what the driver's port holds; what comes when it is full is lost, as on the board
    """

    def __init__(self, chip, now, bit_rate: int = 4800, bits: int = 10, rxbuf: int = 512):
        self._now = now
        self._byte_us = bits * 1000000 // bit_rate
        self._rxbuf = rxbuf
        self._line = []  # (arrival in us, byte), in order
        self._held = bytearray()
        self._free_us = 0
        self._chip = chip
        self.mangle = None  # mangle(byte) -> byte, None to lose it, or several as bytes: a bad line
        self.lost = 0
        if chip is not None:
            chip.attach(self)

    def send(self, data: bytes, start_us: int):
        """The chip sends from start_us on, or when the line is free."""
        at = max(start_us, self._free_us)
        for byte in data:
            at += self._byte_us
            self._line.append((at, byte))
        self._free_us = at

    def inject(self, data: bytes):
        """Noise that is there at once, whatever the chip does."""
        self._keep(data)

    def _keep(self, data):
        room = self._rxbuf - len(self._held)
        self.lost += max(0, len(data) - room)
        self._held.extend(data[:room])

    def _arrive(self):
        now_us = self._now() * 1000
        if self._chip is not None:
            self._chip.run(now_us)
        while self._line and self._line[0][0] <= now_us:
            byte = self._line.pop(0)[1]
            if self.mangle is None:
                self._keep(bytes((byte,)))
            else:
                changed = self.mangle(byte)
                if changed is not None:
                    self._keep(changed if isinstance(changed, bytes) else bytes((changed,)))

    def any(self) -> int:
        """Bytes that can be read without waiting."""
        self._arrive()
        return len(self._held)

    def read(self, n: int = -1):
        """Up to n bytes, None when there are none (time-out 0)."""
        self._arrive()
        if not self._held:
            return None
        n = len(self._held) if n < 0 else min(n, len(self._held))
        data = bytes(self._held[:n])
        self._held = self._held[n:]
        return data

    def readinto(self, buf, n: int = -1):
        """Fill buf with up to n bytes; the count, or None when there are none."""
        data = self.read(len(buf) if n < 0 else min(n, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf) -> int:
        """The driver sends; each byte reaches the chip when it has gone over the line."""
        at = self._now() * 1000
        for byte in bytes(buf):
            at += self._byte_us
            self._chip.receive(byte, at)
        return len(buf)
