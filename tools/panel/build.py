"""The panel's files, bundled from tools/panel/page/ with the packages and the esbuild of the charger's page."""

import tempfile
from pathlib import Path

from web_page.build import BUNDLE, WEB, esbuild

_HEAD = '<title>Simulator panel</title><link rel="stylesheet" href="/panel.css">'
PAGE = Path(__file__).parent / "page"


def files() -> dict[str, tuple[str, bytes]]:
    """Path -> (type, content); raises web_page.texts.PageError."""
    with tempfile.TemporaryDirectory() as name:
        style, script = Path(name) / "panel.css", Path(name) / "panel.js"
        esbuild("panel.css", "--bundle", f"--outfile={style}", folder=PAGE)
        esbuild("main.jsx", *BUNDLE, f"--outfile={script}", folder=PAGE)
        page = (WEB / "index.html").read_text(encoding="utf-8").replace('"APP"', '"/panel.js"')
        page = page.replace("<title>Charger</title>", _HEAD)
        return {
            "/": ("text/html; charset=utf-8", page.encode()),
            "/panel.css": ("text/css", style.read_bytes()),
            "/panel.js": ("text/javascript", script.read_bytes()),
        }
