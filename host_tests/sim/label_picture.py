"""Reads the QR code of a label's picture as a phone does (ISO/IEC 18004), versions 2 to 6, without the correction of errors."""

from PIL import ImageOps

_LEVELS = "MLHQ"  # as the format information numbers them
# (version, level): data code words of each block (table 9)
_BLOCKS = {
    (2, "L"): (34,), (2, "M"): (28,), (2, "Q"): (22,), (2, "H"): (16,), (3, "L"): (55,), (3, "M"): (44,), (3, "Q"): (17, 17),
    (3, "H"): (13, 13), (4, "L"): (80,), (4, "M"): (32, 32), (4, "Q"): (24, 24), (4, "H"): (9,) * 4, (5, "L"): (108,),
    (5, "M"): (43, 43), (5, "Q"): (15, 15, 16, 16), (5, "H"): (11, 11, 12, 12), (6, "L"): (68, 68), (6, "M"): (27,) * 4,
    (6, "Q"): (19,) * 4, (6, "H"): (15,) * 4,
}  # fmt: skip
_MASKS = (
    lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2,
    lambda y, x: y * x % 2 + y * x % 3, lambda y, x: (y * x % 2 + y * x % 3) % 2, lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
)  # fmt: skip
_BYTES = 0b0100  # the mode of a segment


def read_qr(picture):
    """The text of the one QR code at the upper right of a picture, up to the white column of its quiet zone."""
    upper = ImageOps.invert(picture.crop((0, 0, picture.width, picture.height * 2 // 3)))
    right = upper.getbbox()[2]
    left = next(x for x in range(right - 1, 0, -1) if not upper.crop((x, 0, x + 1, upper.height)).getbbox())
    code = upper.crop((left, 0, right, upper.height))
    code = code.crop(code.getbbox())
    run = next(x for x in range(code.width) if not code.getpixel((x, 0)))
    dot = run // 7  # the upper edge of a finder pattern
    size = code.width // dot
    assert code.width == code.height == size * dot
    dark = [[code.getpixel((x * dot + dot // 2, y * dot + dot // 2)) > 127 for x in range(size)] for y in range(size)]
    level, mask = _format(dark)
    words = _words(dark, mask)
    blocks = _BLOCKS[(size - 17) // 4, level]
    parts = [[] for _ in blocks]
    for at in range(max(blocks)):
        for part, length in zip(parts, blocks, strict=True):
            if at < length:
                part.append(next(words))
    bits = "".join(f"{word:08b}" for part in parts for word in part)
    assert int(bits[:4], 2) == _BYTES
    count = int(bits[4:12], 2)
    return bytes(int(bits[at : at + 8], 2) for at in range(12, 12 + 8 * count, 8)).decode()


def _format(dark):
    """(level, mask) by the bits at the upper left finder pattern."""
    places = [(8, x) for x in (*range(6), 7, 8)] + [(y, 8) for y in (7, *range(5, -1, -1))]
    bits = int("".join("01"[dark[y][x]] for y, x in places), 2) ^ 0b101010000010010
    return _LEVELS[bits >> 13], bits >> 10 & 7


def _words(dark, mask):
    """The code words in the order of their places: pairs of columns from the right, upwards and downwards in turn."""
    size = len(dark)
    mark = size - 7  # the middle of the one alignment pattern

    def is_data(y, x):
        finders = (y < 9 and (x < 9 or x >= size - 8)) or (y >= size - 8 and x < 9)
        return not finders and 6 not in (y, x) and not (abs(y - mark) <= 2 and abs(x - mark) <= 2)

    pairs = [x for x in range(size - 1, 0, -2) if x > 6] + [5, 3, 1]
    bits = []
    for number, right in enumerate(pairs):
        for y in range(size) if number % 2 else range(size - 1, -1, -1):
            bits += [dark[y][x] != (not _MASKS[mask](y, x)) for x in (right, right - 1) if is_data(y, x)]
    for at in range(0, len(bits) - 7, 8):
        yield int("".join("01"[bit] for bit in bits[at : at + 8]), 2)
