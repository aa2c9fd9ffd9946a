"""Fewer names in the firmware's image: on a board each distinct name costs RAM (docs/ARCHITECTURE.md, memory).

MicroPython keeps every name of the modules that it loads from ROMFS in pools in the heap, seven bytes each. The pools
double: 20, 40 ... 1280, 2560, so that one name too many costs 18 KB in one piece. Two names that can never meet in one
namespace need not differ; `shared()` finds words that many names can share, and `renamed()` writes a source anew with
them, each line where it was, so that a traceback still points at the right line of the right module.

Two names meet when they occur in the same module, or in modules of which one derives a class from one of the other's.
Left as they are: modules and exceptions (a log may name them), what stands in a string (JSON members, getattr), what no
source here defines, and what MicroPython or code outside the image knows by its name.
"""

import ast
import io
import itertools
import keyword
import re
import string
import tokenize
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "typings"  # MicroPython's own modules, as type stubs
# Methods of the built-in types: names that every MicroPython has in its ROM. Where a family has no use for one, it costs
# nothing as the name of something else.
AT_HAND = (
    "append clear copy count extend index insert pop remove reverse sort split rsplit strip lstrip rstrip join format encode"
    " decode find rfind replace startswith endswith upper lower isalpha isdigit isspace isupper islower keys values items"
    " update setdefault popitem add partition rpartition to_bytes from_bytes readline throw"
).split()
CONTAINERS = {"list", "dict", "tuple", "set", "str", "bytes", "bytearray", "int"}
ASYNCIO = ROOT / ".toolchain" / "src" / "extmod" / "asyncio"


class Module:
    """The names in one source."""

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()  # all that occur as words, but for those with two underscores in front
        self.defined: set[str] = set()  # those of them that come into being here
        self.kept: set[str] = set()  # that must stay as they are
        self.classes: dict[str, list[str]] = {}  # class -> what it is made of
        self.said: set[str] = set()  # every word in a string
        for node in ast.walk(ast.parse(text)):
            self._see(node)

    def _see(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Name, ast.Attribute)):
            self._add(_word(node), isinstance(node.ctx, ast.Store))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.arg)):
            self._add(_word(node), True)
        elif isinstance(node, ast.ClassDef):
            self._add(node.name, True)
            self.classes[node.name] = [_word(base) for base in node.bases]
        elif isinstance(node, ast.keyword) and node.arg:
            self._add(node.arg, False)
        elif isinstance(node, ast.alias):
            for part in node.name.split("."):
                self._add(part, False)
            self._add(node.asname or "", True)
        elif isinstance(node, ast.Call) and _word(node.func) == "dict":
            self.kept.update(given.arg or "" for given in node.keywords)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.kept.add(node.value)
            self.said.update(node.value.split())
        elif isinstance(node, ast.Assign):
            self.kept.update(_constants(node))
        elif isinstance(node, ast.JoinedStr):  # one string to the tokenizer of old Pythons
            self.kept.update(_word(inner) for inner in ast.walk(node))

    def _add(self, name: str, defines: bool) -> None:
        if name and not name.startswith("__"):
            self.names.add(name)
            if defines:
                self.defined.add(name)


def _word(node: ast.AST) -> str:
    """What a node is called, '' for one without a name."""
    for field in ("id", "attr", "name", "arg"):
        word = getattr(node, field, None)
        if isinstance(word, str):
            return word
    return ""


def _constants(node: ast.Assign) -> set[str]:
    """The names of `_NAME = const(...)`: the compiler puts the number in their place, they cost nothing."""
    if isinstance(node.value, ast.Call) and _word(node.value.func) == "const":
        return {_word(target) for target in node.targets if _word(target).startswith("_")}
    return set()


def of_micropython() -> set[str]:
    """All names that MicroPython's modules go by, from their type stubs and asyncio's sources."""
    found = set()
    for path in itertools.chain(STUBS.rglob("*.pyi"), ASYNCIO.glob("*.py")):
        found.update(_word(node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _raised(modules: list[Module]) -> set[str]:
    """The exceptions: a log tells them by their class."""
    made_of = {name: bases for module in modules for name, bases in module.classes.items()}

    def is_raised(name: str) -> bool:
        return name.endswith(("Error", "Exception")) or any(map(is_raised, made_of.get(name, ())))

    return {name for name in made_of if is_raised(name)}


def _families(modules: list[Module]) -> list[set[str]]:
    """The names that can meet: those of a module, together with those of the modules its classes are made of.

    What is made of a built-in container has that one's methods as well.
    """
    family = list(range(len(modules)))
    for number, module in enumerate(modules):
        bases = {base for names in module.classes.values() for base in names}
        for other, base in enumerate(modules):
            if bases & base.classes.keys():
                family = [family[number] if f == family[other] else f for f in family]
    found = []
    for one in sorted(set(family)):
        members = [module for module, f in zip(modules, family, strict=True) if f == one]
        found.append(set().union(*(module.names for module in members)))
        if any(CONTAINERS & set(bases) for module in members for bases in module.classes.values()):
            found[-1].update(AT_HAND)
    return found


def _words() -> Iterable[str]:
    """a, b ... z, aa ... without Python's own; with an underscore in front the compiler would hide constants."""
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            word = "".join(letters)
            if not keyword.iskeyword(word):
                yield word


def shared(sources: dict[str, str], foreign: str) -> dict[str, str]:
    """Name -> the word it shares, for sources given as place -> text; the same sources give the same words.

    `foreign` is the text of the code outside the image that works with the firmware.
    """
    modules = [Module(sources[place]) for place in sorted(sources)]
    kept = of_micropython() | set(re.findall(r"\w+", foreign)) | set(re.findall(r"\w+", " ".join(sources)))
    kept.update(*(module.kept for module in modules))
    kept |= {name for module in modules for name in module.classes.keys() & module.said} | _raised(modules)
    families = _families(modules)
    everything = set().union(*families)
    free = set().union(*(module.defined for module in modules)) - kept
    taken: list[set[str]] = [set() for _ in families]
    words = {}
    for name in sorted(free, key=lambda name: (-sum(name in family for family in families), name)):
        homes = [taken[number] for number, family in enumerate(families) if name in family]
        around = [family for family in families if name in family]
        words[name] = next(
            word for word in itertools.chain(AT_HAND, _words())
            if not any(word in home for home in homes)
            and (not any(word in family for family in around) if word in AT_HAND
                 else word not in kept and (word in free or word not in everything))
        )
        for home in homes:
            home.add(words[name])
    return words


def renamed(text: str, words: dict[str, str]) -> str:
    """A source with the shared words in it, each line where it was."""
    lines = text.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in reversed(tokens):
        if token.type == tokenize.NAME and token.string in words:
            row, start = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:start] + words[token.string] + line[start + len(token.string) :]
    return "".join(lines)
