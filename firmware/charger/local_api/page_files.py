"""The files of the page in the browser: public, without state, compressed when the image was made (tools/web_page/build.py).

The page at "/" is checked for a new version at each visit, by its ETag. The others have the hash of their content in
their name and are kept by the browser.
"""

from charger.errors import RequestError
from charger.local_api.page_assets import FILES  # type: ignore[import] - made by tools/web_page/build.py

_PAGE = "/"
_COMMON = (
    "Content-Encoding: br\r\nVary: Accept-Encoding\r\nContent-Security-Policy: default-src 'none'; script-src 'self';"
    " style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
)
_CHECKED = "Cache-Control: no-cache\r\n"
_KEPT = "Cache-Control: public, max-age=31536000, immutable\r\n"


def answer(request: Request) -> tuple:
    """Return (status, content, header lines) for a path outside of the API. RequestError."""
    found = [file for file in FILES if file[0] == request.path]
    if not found:
        raise RequestError(404, "No such path.")
    if request.method != "GET":
        raise RequestError(405, "This path supports GET.")
    path, kind, digest, data = found[0]
    lines = "ETag: \"%s\"\r\nContent-Type: %s\r\n%s%s" % (digest, kind, _CHECKED if path == _PAGE else _KEPT, _COMMON)
    known = '"%s"' % digest in request.fields.get("if-none-match", "")
    return 304 if known else 200, data, lines
