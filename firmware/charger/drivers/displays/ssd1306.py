"""Display driver: SSD1306, 128 x 64 pixels on I2C, eight rows of 16 characters of MicroPython's own 8 x 8 font.

micropython-lib's ssd1306 sends the whole frame from show() and from its constructor, 25 ms at 400 kHz, and holds it in 1 KiB.
This driver draws and sends one row, which is one page of the chip: 128 bytes, 3.4 ms at 400 kHz, 13.5 ms at 100 kHz. Facts:
SSD1306 data sheet rev. 1.1, commands in 9 and 10, I2C in 8.1.5.
"""

import framebuf
from micropython import const

_KINDS = const((("ssd1306", "i2c"),))
_OPTIONS = const((("address", 0x3C, 0x3D), ("freq", 100000, 400000)))
_WIDTH = const(128)
_COMMANDS = const(0x00)  # control byte: commands follow
_DATA = const(0x40)  # pixels follow
# off; clock; 64 rows; no offset; start line 0; charge pump on; page addressing; columns and rows turned round; pins of the
# rows; contrast; precharge; deselect level; show the memory, not inverted; on
_BEGIN = b"\xae\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x02\xa1\xc8\xda\x12\x81\x7f\xd9\xf1\xdb\x40\xa4\xa6\xaf"


class Display:
    """Each call is one transfer or two. OSError when the display does not acknowledge."""

    ROWS = 8
    COLUMNS = 16

    def __init__(self, i2c: Any, address: int):
        self._i2c = i2c
        self._address = address
        self._page = bytearray(_WIDTH)
        self._frame = framebuf.FrameBuffer(self._page, _WIDTH, 8, framebuf.MONO_VLSB)
        self._place = bytearray(b"\xb0\x00\x10")  # page; column 0

    def begin(self) -> None:
        """Set the chip up, after its power-on or a dip of its supply; its memory holds anything."""
        self._i2c.writeto_mem(self._address, _COMMANDS, _BEGIN)

    def show(self, row: int, text: str) -> None:
        """Draw one row, 0 to 7; what is longer than 16 characters is cut off."""
        self._frame.fill(0)
        self._frame.text(text, 0, 0)
        self._place[0] = 0xB0 | row
        self._i2c.writeto_mem(self._address, _COMMANDS, self._place)
        self._i2c.writeto_mem(self._address, _DATA, self._page)


def create(options: dict, buses: Any) -> Display:
    """The driver on the board's bus."""
    return Display(buses.i2c(options), options.get("address", 0x3C))
