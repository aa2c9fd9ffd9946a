"""I2C, SPI and UART of the simulated board, for machine.py, with the chips that the world connects to them."""

import io

from sim import hardware_times, soft_irq, timebase, world


def _i2c(count):
    """A transfer of the driver: it waits for its end."""
    timebase.cost(hardware_times.I2C_CALL_US + count * hardware_times.I2C_BYTE_US, "I2C")


def _spi(count):
    timebase.cost(hardware_times.SPI_CALL_US + count * hardware_times.SPI_BYTE_US, "SPI")


class I2C:
    """I2C bus with the simulated chips. An address without a chip, or a chip without supply: OSError(19), as on the port."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._chips = world.current().i2c.get(id, {})

    def _write(self, addr, data):
        soft_irq.enter()
        try:
            _i2c(len(data) + 1)
            if addr not in self._chips:
                raise OSError(19)
            self._chips[addr].write(data)
        finally:
            soft_irq.leave()

    def _read(self, addr, nbytes):
        soft_irq.enter()
        try:
            _i2c(nbytes + 1)
            if addr not in self._chips:
                raise OSError(19)
            return self._chips[addr].read(nbytes)
        finally:
            soft_irq.leave()

    def _read_register(self, addr, memaddr, nbytes, addrsize):
        soft_irq.enter()
        try:
            self._write(addr, memaddr.to_bytes(addrsize // 8, "big"))
            return self._read(addr, nbytes)
        finally:
            soft_irq.leave()

    def scan(self):
        """Addresses that acknowledge."""
        return sorted(self._chips)

    def writeto(self, addr, buf, stop=True):
        """Write bytes; returns how many were acknowledged."""
        self._write(addr, bytes(buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        """Write several buffers as one."""
        return self.writeto(addr, b"".join([bytes(part) for part in vector]))

    def readfrom(self, addr, nbytes, stop=True):
        """Read bytes."""
        return self._read(addr, nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        """Fill buf."""
        buf[:] = self._read(addr, len(buf))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        """Write the register address, then read."""
        return self._read_register(addr, memaddr, nbytes, addrsize)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Write the register address, then fill buf."""
        buf[:] = self._read_register(addr, memaddr, len(buf), addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        """Write register address and value."""
        self._write(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))


SoftI2C = I2C


class SPI:
    """SPI bus with what world.spi connects to it: an object with write(buf) and readinto(buf)."""

    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=0, **pins):
        self._wire = world.current().spi.get(id)

    def init(self, **options):
        """Settings do not matter to the simulated line."""

    def deinit(self):
        """Nothing to give back."""

    def write(self, buf):
        """Clock bytes out."""
        soft_irq.enter()
        try:
            _spi(len(buf))
            if self._wire is not None:
                self._wire.write(buf)
        finally:
            soft_irq.leave()

    def read(self, nbytes, write=0):
        """Clock bytes in."""
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def readinto(self, buf, write=0):
        """Fill buf; a line without a chip is high."""
        soft_irq.enter()
        try:
            _spi(len(buf))
            if self._wire is None:
                buf[:] = b"\xff" * len(buf)
            else:
                self._wire.readinto(buf)
        finally:
            soft_irq.leave()

    def write_readinto(self, out, into):
        """Both ways at once."""
        self.write(out)
        self.readinto(into)


SoftSPI = SPI

_POLL = 3
_CLOSE = 4
_POLL_IN = 1
_POLL_OUT = 4


class UART(io.IOBase):
    """UART with a card reader or a meter on it, or nothing. Works with asyncio.StreamReader."""

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, **options):
        self._device = world.current().serial.get(id)
        self.init(baudrate, bits, parity, stop)

    def init(self, baudrate=115200, bits=8, parity=None, stop=1, **options):
        """Set the frame format."""
        self._baud = baudrate
        self._plain = bits == 8 and stop == 1 and self._device is not None and parity == self._device.parity

    def deinit(self):
        """Nothing to give back."""

    def any(self):
        """Bytes that can be read now."""
        return 0 if self._device is None else self._take(None)

    def _take(self, count):
        soft_irq.enter()
        try:
            timebase.cost(hardware_times.UART_CALL_US, "UART")
            return self._device.take(count, self._baud, self._plain)
        finally:
            soft_irq.leave()

    def read(self, nbytes=256):
        """Bytes received by now, or None."""
        if self._device is None:
            return None
        return self._take(nbytes) or None

    def readinto(self, buf, nbytes=None):
        """Fill buf with what is there; None when nothing is."""
        data = self.read(len(buf) if nbytes is None else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf):
        """Send bytes to the connected part."""
        soft_irq.enter()
        try:
            timebase.cost(hardware_times.UART_CALL_US, "UART")
            if self._device is not None:
                self._device.write(bytes(buf))
            return len(buf)
        finally:
            soft_irq.leave()

    def ioctl(self, request, arg):
        """For select.poll()."""
        if request != _POLL:  # above all it has no file number: 0 would be stdin's
            return 0 if request == _CLOSE else -22
        return arg & ((_POLL_IN if self.any() else 0) | _POLL_OUT)
