"""SSD1306 at command level on I2C: its memory, page addressing, what it shows (data sheet rev. 1.1, 9 and 10)."""

import framebuf

_COLUMNS, _PAGES = 128, 8
_ARGUMENTS = {0x20: 1, 0x81: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1, 0x8D: 1, 0x21: 2, 0x22: 2}
_ON = {0xA8: 0x3F, 0xD3: 0, 0x8D: 0x14, 0xDA: 0x12}  # what a module of 128 x 64 needs to show its memory


class SSD1306Chip:
    """write() as the bus delivers it. `silent`: no answer; `fails_after`: so many transfers until then, None: never."""

    def __init__(self):
        self.silent = False
        self.fails_after = None
        self.longest = 0  # bytes of the longest transfer
        self.refused = []
        self.power_up()

    def power_up(self):
        """Off, with any memory."""
        self.on = False
        self._memory = bytearray([0xA5] * (_COLUMNS * _PAGES))
        self._settings = {0x20: 2}
        self._turned = set()
        self._page = self._column = 0

    def write(self, data):
        """A control byte, then commands or pixels."""
        if self.fails_after is not None:
            self.fails_after -= 1
            self.silent = self.fails_after < 0
        if self.silent:
            raise OSError(19)
        self.longest = max(self.longest, len(data))
        if data[0] == 0x40:
            for byte in data[1:]:
                self._memory[self._page * _COLUMNS + self._column] = byte
                self._column = (self._column + 1) % _COLUMNS
        elif data[0] == 0x00:
            self._take(list(data[1:]))
        else:
            self.refused.append("control byte %02x" % data[0])

    def read(self, count):
        """The status: bit 6 is set while it is off."""
        if self.silent:
            raise OSError(19)
        return bytes([0 if self.on else 0x40] * count)

    def _take(self, commands):
        while commands:
            code = commands.pop(0)
            if code in _ARGUMENTS:
                self._settings[code] = commands.pop(0)
            elif code <= 0x0F:
                self._column = self._column & 0xF0 | code
            elif code <= 0x1F:
                self._column = self._column & 0x0F | (code & 0x0F) << 4
            elif 0xB0 <= code <= 0xB7:
                self._page = code & 7
            elif code in (0xAE, 0xAF):
                self.on = code == 0xAF
            elif code in (0xA1, 0xC8, 0xA4, 0xA6) or 0x40 <= code <= 0x7F:
                self._turned.add(code)
            else:
                self.refused.append("command %02x" % code)

    @property
    def lit(self):
        """Whether its memory can be seen, the right way round."""
        right = self._settings.get(0x20) == 2 and {0xA1, 0xC8, 0xA4, 0xA6} <= self._turned
        return self.on and right and all(self._settings.get(code) == value for code, value in _ON.items())

    def pixels(self, page):
        """The 128 bytes of a page, a column each, its top pixel in the lowest bit."""
        return bytes(self._memory[page * _COLUMNS : (page + 1) * _COLUMNS])

    def rows(self):
        """The text on the display: eight rows, None for one that is no text; [] while it is dark."""
        return [self._row(page) for page in range(_PAGES)] if self.lit else []

    def _row(self, page):
        pixels = self.pixels(page)
        text = ""
        for place in range(0, _COLUMNS, 8):
            cell = pixels[place : place + 8]
            if cell not in _characters():
                return None
            text += _characters()[cell]
        return text.rstrip()


_font = {}


def _characters():
    """Pixels of a character -> the character."""
    if not _font:
        cell = bytearray(8)
        frame = framebuf.FrameBuffer(cell, 8, 8, framebuf.MONO_VLSB)
        for code in range(126, 31, -1):
            frame.fill(0)
            frame.text(chr(code), 0, 0)
            _font[bytes(cell)] = chr(code)
    return _font


def fit(world, options):
    """Put one on the I2C bus, at its address."""
    chip = SSD1306Chip()
    world.i2c.setdefault(options["bus"], {})[options.get("address", 0x3C)] = chip
    return chip
