"""machine's bus objects with one simulated chip at the other end, for tests."""


class I2CWire:
    """machine.I2C with one chip at one address; any other address is not acknowledged."""

    def __init__(self, chip, address: int = 0x38):
        self._chip = chip
        self._address = address
        self.fail_after = None  # after that many good transfers one breaks off, when the chip has seen it already

    def _check(self, address: int):
        if address != self._address:
            raise OSError(19)

    def _break(self):
        if self.fail_after == 0:
            self.fail_after = None
            raise OSError(116)
        if self.fail_after:
            self.fail_after -= 1

    def writeto(self, addr: int, buf):
        """Write bytes to the device at addr."""
        self._check(addr)
        self._chip.write(bytes(buf))
        self._break()

    def readfrom_into(self, addr: int, buf):
        """Fill buf from the device at addr."""
        self._check(addr)
        buf[:] = self._chip.read(len(buf))
        self._break()

    def readfrom_mem_into(self, addr: int, memaddr: int, buf, addrsize: int = 8):
        """Fill buf from a register of the device."""
        self._check(addr)
        self._chip.write(memaddr.to_bytes(addrsize // 8, "big"))
        data = self._chip.read(len(buf))
        self._break()
        buf[:] = data

    def writeto_mem(self, addr: int, memaddr: int, buf, addrsize: int = 8):
        """Write buf to a register of the device."""
        self._check(addr)
        self._chip.write(memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))
        self._break()


class SPIWire:
    """machine.SPI with one chip; cs is the object to give to the driver as chip-select pin. `beside`: the next on its bus."""

    def __init__(self, chip, beside=None):
        self._chip = chip
        self._beside = beside
        self._sent = None

    def cs(self, level: int):
        """The chip-select pin, callable like machine.Pin."""
        if level == 0:
            self._sent = b""
            return
        if self._sent:
            self._chip.exchange(self._sent, 0)
        self._sent = None

    def write(self, buf):
        """Clock bytes out; the chip's answer is dropped."""
        if self._sent is not None:
            self._sent += bytes(buf)
        elif self._beside is not None:
            self._beside.write(buf)

    def readinto(self, buf, write: int = 0x00):
        """Clock bytes in; without a selected chip the line is high."""
        if self._sent is not None:
            buf[:] = self._chip.exchange(self._sent, len(buf))
            self._sent = b""
        elif self._beside is not None:
            self._beside.readinto(buf)
        else:
            buf[:] = b"\xff" * len(buf)
