"""The page's language table, web/text.json: one list of texts a key, in the order of its languages.

A text that is missing, empty, with another number of places for values, unused or unknown fails the build.
"""

import json
import re
from pathlib import Path

_DIRECT = re.compile(r'\bt\("([^"]+)"')
_BEGINS = re.compile(r"\bt\(`([a-z]+\.)\$\{")

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
        if "\n" in "".join(texts):
            raise PageError(f"text.json: '{key}' has a line break")
        if len({text.count("%") for text in texts}) != 1:
            raise PageError(f"text.json: '{key}' has a % in one language and none in another")
    return table


def check_use(table: dict, sources: list[Path]) -> None:
    """Each key that the sources use is there; each that is there is used."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r'"([a-z]+(?:\.?[A-Za-z]+)*)"', text))
    direct = set(_DIRECT.findall(text))
    begins = _BEGINS.findall(text)
    missing = sorted(direct - set(table["texts"]))
    if missing:
        raise PageError(f"text.json has no {', '.join(missing)}")
    idle = sorted(key for key in table["texts"] if key not in used and not key.startswith(tuple(begins)))
    if idle:
        raise PageError(f"text.json has texts that nothing shows: {', '.join(idle)}")


def order(table: dict, sources: list[Path]) -> tuple[list[str], list[str]]:
    """Keys that the sources put together or keep in data, and those that each use names as t("key").

    The script has the names of the first alone: numbered() puts a number in place of each of the others.
    """
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    begins = tuple(_BEGINS.findall(text))
    left = _DIRECT.sub("", text)
    named = [key for key in table["texts"] if key.startswith(begins) or f'"{key}"' in left]
    return named, [key for key in table["texts"] if key not in named]


def numbered(source: str, named: list[str], others: list[str]) -> str:
    """A source whose t("key") have the number of their text in place of the keys that only stand there."""
    numbers = {key: len(named) + at for at, key in enumerate(others)}
    return _DIRECT.sub(lambda found: f"t({numbers[found[1]]}" if found[1] in numbers else found[0], source)


def sentences(table: dict) -> list[str]:
    """The charger's sentences, which all languages share: they stand once, in the script."""
    return [row[0] for row in _said(table)]


def of_language(table: dict, language: str, keys: list[str]) -> bytes:
    """The file that the page loads for one language: a line for each text by the keys, then for each of sentences()."""
    at = table["languages"].index(language)
    said = [row[at] for row in _said(table)] if at else []
    return "\n".join([*(table["texts"][key][at] for key in keys), *said]).encode()


def _said(table: dict) -> list:
    return sorted(table["said"])  # neighbours begin alike, which compresses best
