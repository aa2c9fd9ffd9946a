"""The report of an end-of-line test: JSON, and a page to print (PDF)."""

import json
import os
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_DPI = 150
_PAGE = (210 * _DPI * 10 // 254, 297 * _DPI * 10 // 254)  # A4
_MARGIN, _LINE = 90, 30
_COLUMNS = (0, 330, 560, 740, 920)  # name, value, lowest, highest, verdict


def _text(value) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def page(report: dict) -> Image.Image:
    """The page as a picture."""
    picture = Image.new("L", _PAGE, 255)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    unit = report["unit"]
    pen.text((_MARGIN, _MARGIN), f"End-of-line test: {'PASSED' if report['passed'] else 'FAILED'}", fill=0,
             font=ImageFont.load_default(36))
    at = _MARGIN + 60
    for words in (f"Serial number {unit.get('serial')}, board {unit.get('board')}, firmware {unit.get('firmware')}",
                  f"{report['time']}, test {report['version']}"):  # fmt: skip
        pen.text((_MARGIN, at), words, fill=0, font=font)
        at += _LINE
    at += _LINE
    head = [("Measurement", "Value", "Lowest", "Highest", "Verdict")]
    lines = [(row["name"], f"{_text(row['value'])} {row['unit']}", _text(row["low"]), _text(row["high"]),
              "passed" if row["passed"] else f"FAILED {row['note'][:30]}") for row in report["rows"]]  # fmt: skip
    for cells in head + lines:
        for place, words in zip(_COLUMNS, cells, strict=True):
            pen.text((_MARGIN + place, at), words, fill=0, font=font)
        at += _LINE
    for words in report["left_out"]:
        at += _LINE
        pen.text((_MARGIN, at), f"Not tested: {words}", fill=0, font=font)
    return picture


def write(report: dict, folder: Path) -> list[Path]:
    """Write SERIAL.json and SERIAL.pdf; an older report of the unit is kept beside them with its time. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(ch if ch.isalnum() or ch in "-_" else "_" for ch in str(report["unit"].get("serial") or "unit"))
    paths = [folder / f"{name}.json", folder / f"{name}.pdf"]
    for path in paths:
        if path.exists():
            os.replace(path, path.with_name(f"{name}-{path.stat().st_mtime_ns}{path.suffix}"))
    paths[0].write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    page(report).save(paths[1], "PDF", resolution=_DPI)
    return paths
