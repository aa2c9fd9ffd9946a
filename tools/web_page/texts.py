"""The page's language table, web/text.json: one list of texts a key, in the order of its languages.

A text that is missing, empty, with another number of places for values, unused or unknown fails the build.
"""

import json
import re
from pathlib import Path


class PageError(Exception):
    """The page could not be built; the message is for the user."""


def _unique(pairs: list) -> dict:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PageError(f"text.json has a key twice: {', '.join(twice)}")
    return dict(pairs)


def read(file: Path) -> dict:
    """The table, checked in itself."""
    table = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    count = len(table["languages"])
    rows = [*table["texts"].items(), *((row[0], row) for row in table["said"])]
    for key, texts in rows:
        if len(texts) != count or not all(texts):
            raise PageError(f"text.json: '{key}' has {len([text for text in texts if text])} of {count} texts")
        if len({text.count("%") for text in texts}) != 1:
            raise PageError(f"text.json: '{key}' has a % in one language and none in another")
    return table


def check_use(table: dict, sources: list[Path]) -> None:
    """Each key that the sources use is there; each that is there is used."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r'"([a-z]+(?:\.?[A-Za-z]+)*)"', text))
    direct = set(re.findall(r'\bt\("([^"]+)"', text))
    begins = set(re.findall(r"\bt\(`([a-z]+\.)\$\{", text))
    missing = sorted(direct - set(table["texts"]))
    if missing:
        raise PageError(f"text.json has no {', '.join(missing)}")
    idle = sorted(key for key in table["texts"] if key not in used and not key.startswith(tuple(begins)))
    if idle:
        raise PageError(f"text.json has texts that nothing shows: {', '.join(idle)}")


def names(table: dict) -> tuple[list[str], list[str]]:
    """Keys of the texts and the charger's sentences, longest first: what the languages share stands once, in the script."""
    return list(table["texts"]), [row[0] for row in _said(table)]


def of_language(table: dict, language: str) -> bytes:
    """The file that the page loads for one language: texts and sentences in the order of names()."""
    at = table["languages"].index(language)
    said = [row[at] for row in _said(table)] if at else []
    texts = [values[at] for values in table["texts"].values()]
    return json.dumps([texts, said], ensure_ascii=False, separators=(",", ":")).encode()


def _said(table: dict) -> list:
    return sorted(table["said"], key=lambda row: -len(row[0]))
