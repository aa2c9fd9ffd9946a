"""The label of a unit, as a picture and as a PDF, 70 x 50 mm at 300 dots an inch. It is the only place for its secrets."""

import os
import tempfile

import segno
from PIL import Image, ImageDraw, ImageFont

_DPI = 300
_WIDTH, _HEIGHT = 70 * _DPI * 10 // 254, 50 * _DPI * 10 // 254
_MARGIN = 24
_QR = 330
_LINE = 44
_LARGE = 34  # dots of a value's letters; a longer value gets smaller ones


def _lines(label):
    """(heading, value) of what a person has to read."""
    return (
        ("Serial number", label["serial"]),
        ("PIN", label["pin"]),
        ("Set-up network", label["setup_ssid"]),
        ("Its password", label["setup_password"]),
    )


def draw(label):
    """The picture. The installer's PIN and the back end's password are not on it: they go to other people."""
    picture = Image.new("L", (_WIDTH, _HEIGHT), 255)
    code = segno.make(label["qr"], error="m", micro=False)
    scale = _QR // code.symbol_size(border=2)[0]
    matrix = [[0 if dark else 255 for dark in row] for row in code.matrix_iter(border=2)]
    square = Image.new("L", (len(matrix[0]), len(matrix)))
    square.putdata([dot for row in matrix for dot in row])
    square = square.resize((square.width * scale, square.height * scale), Image.Resampling.NEAREST)
    picture.paste(square, (_WIDTH - _MARGIN - square.width, _MARGIN))
    pen = ImageDraw.Draw(picture)
    small = ImageFont.load_default(24)
    room = _WIDTH - 2 * _MARGIN - square.width  # nothing is written into the code or its quiet zone
    at = _MARGIN
    for heading, value in _lines(label):
        pen.text((_MARGIN, at), heading, fill=0, font=small)
        size = next(size for size in range(_LARGE, 0, -1) if ImageFont.load_default(size).getlength(value) <= room)
        pen.text((_MARGIN, at + 28), value, fill=0, font=ImageFont.load_default(size))
        at += 28 + _LINE + 22
    pen.text((_MARGIN, _HEIGHT - _MARGIN - 60), "Scan to join the set-up network of this charger.", fill=0, font=small)
    pen.text((_MARGIN, _HEIGHT - _MARGIN - 30), "Keep this label: nobody else knows what is on it.", fill=0, font=small)
    return picture


def prepare(folder):
    """Make sure that labels can be written there. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def write(label, folder):
    """Write SERIAL.png and SERIAL.pdf, readable by their owner alone; returns their paths."""
    picture = draw(label)
    name = "".join(ch if ch.isalnum() or ch in "-_" else "_" for ch in label["serial"])
    paths = [folder / f"{name}.png", folder / f"{name}.pdf"]
    for path, kind in zip(paths, ("PNG", "PDF"), strict=True):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.fchmod(handle, 0o600)  # of an older label as well, before anything is in it
        os.truncate(handle, 0)
        with os.fdopen(handle, "wb") as file:
            picture.save(file, kind, **({"dpi": (_DPI, _DPI)} if kind == "PNG" else {"resolution": _DPI}))
    return paths
