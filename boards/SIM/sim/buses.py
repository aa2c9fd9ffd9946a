"""I2C, SPI and UART of the simulated board, for machine.py, with what the world connects to them."""

import io

from sim import world


class I2C:
    """I2C bus with the simulated chips. An address that nobody has, or a dead chip: OSError(19), as on the port."""

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._chips = world.current().i2c.get(id, {})

    def _chip(self, addr):
        if addr not in self._chips:
            raise OSError(19)
        return self._chips[addr]

    def scan(self):
        """Addresses that acknowledge."""
        return sorted(self._chips)

    def writeto(self, addr, buf, stop=True):
        """Write bytes; returns how many were acknowledged."""
        self._chip(addr).write(bytes(buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        """Write several buffers as one."""
        return self.writeto(addr, b"".join([bytes(part) for part in vector]))

    def readfrom(self, addr, nbytes, stop=True):
        """Read bytes."""
        return self._chip(addr).read(nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        """Fill buf."""
        buf[:] = self._chip(addr).read(len(buf))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        """Write the register address, then read."""
        chip = self._chip(addr)
        chip.write(memaddr.to_bytes(addrsize // 8, "big"))
        return chip.read(nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Write the register address, then fill buf."""
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        """Write register address and value."""
        self._chip(addr).write(memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))


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
        if self._wire is not None:
            self._wire.write(buf)

    def read(self, nbytes, write=0):
        """Clock bytes in."""
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)

    def readinto(self, buf, write=0):
        """Fill buf; a line without a chip is high."""
        if self._wire is None:
            buf[:] = b"\xff" * len(buf)
        else:
            self._wire.readinto(buf)

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
        return 0 if self._device is None else self._device.take(None, self._baud, self._plain)

    def read(self, nbytes=256):
        """Bytes received by now, or None."""
        if self._device is None:
            return None
        return self._device.take(nbytes, self._baud, self._plain) or None

    def readinto(self, buf, nbytes=None):
        """Fill buf with what is there; None when nothing is."""
        data = self.read(len(buf) if nbytes is None else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf):
        """Bytes to whoever listens."""
        if self._device is not None:
            self._device.write(bytes(buf))
        return len(buf)

    def ioctl(self, request, arg):
        """For select.poll()."""
        if request != _POLL:  # above all it has no file number: 0 would be stdin's
            return 0 if request == _CLOSE else -22
        return arg & ((_POLL_IN if self.any() else 0) | _POLL_OUT)
