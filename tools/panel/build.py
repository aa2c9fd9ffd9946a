"""The panel's files, bundled from tools/panel/page/ with the packages and the esbuild of the charger's page."""

import tempfile
from pathlib import Path

from web_page.build import BUNDLE, esbuild

PAGE = Path(__file__).parent / "page"


def files() -> dict[str, tuple[str, bytes]]:
    """Path -> (type, content); raises web_page.texts.PageError."""
    with tempfile.TemporaryDirectory() as name:
        style, script = Path(name) / "panel.css", Path(name) / "panel.js"
        esbuild("panel.css", "--bundle", f"--outfile={style}", folder=PAGE)
        esbuild("main.jsx", *BUNDLE, f"--outfile={script}", folder=PAGE)
        return {
            "/": ("text/html; charset=utf-8", (PAGE / "index.html").read_bytes()),
            "/panel.css": ("text/css", style.read_bytes()),
            "/panel.js": ("text/javascript", script.read_bytes()),
        }
