"""tools/shortnames.py: names that share a word must never meet."""

import ast

import romfs
import shortnames

BASE = '''
from micropython import const

_HIDDEN = const(3)
SHOWN = const(4)


class Base:
    """Text."""

    kind = "base"

    def __init__(self, amount, spare=0):
        self._amount = amount + spare
        self.colour = {"colour": 1}

    def total_sum(self):
        return self._amount + _HIDDEN
'''
MADE = '''
import base
from base import SHOWN


class OutOfBounds(ValueError):
    pass


class Holder(list):
    def own_method(self):
        return OutOfBounds


class Made(base.Base):
    def __init__(self):
        super().__init__(1, spare=2)
        self._on_top = 7

    def total_of_all(self):
        return (self.total_sum(), self._on_top, self._amount, self.colour, self.kind, getattr(self, "late_name"), SHOWN)

    @property
    def late_name(self):
        return "late"
'''
OTHER = '''
def lonely_function(first_value, *others, named_value=1):
    lonely_local = [x_value * named_value for x_value in (first_value, *others)]
    return f"{lonely_local} {first_value}"
'''
SOURCES = {"base.py": BASE, "made.py": MADE, "other.py": OTHER}


def words(sources=SOURCES):
    return shortnames.shared(sources, "known_outside")


def run(sources):
    """What the three modules compute, in Python."""
    import sys
    import types

    spaces = {}
    fake = types.ModuleType("micropython")
    fake.const = lambda value: value
    sys.modules["micropython"] = fake
    try:
        for place, text in sources.items():
            module = types.ModuleType(place[:-3])
            sys.modules[place[:-3]] = module
            exec(compile(text, place, "exec"), module.__dict__)
            spaces[place[:-3]] = module
    finally:
        for name in ("micropython", "base", "made", "other"):
            sys.modules.pop(name, None)
    return spaces


def test_a_program_means_the_same_with_short_names():
    found = words()
    changed = {place: shortnames.renamed(text, found) for place, text in SOURCES.items()}
    before, after = run(SOURCES), run(changed)
    old, new = before["made"].Made(), getattr(after["made"], found["Made"])()
    assert getattr(new, found["total_of_all"])() == old.total_of_all()
    lonely = getattr(after["other"], found["lonely_function"])
    assert lonely(2, 3, **{found["named_value"]: 5}) == before["other"].lonely_function(2, 3, named_value=5)
    assert [line.count("\n") for line in changed.values()] == [line.count("\n") for line in SOURCES.values()]


def test_names_that_must_stay():
    """Exceptions, modules, what a string names, hidden constants, what others know."""
    found = words()
    for name in ("OutOfBounds", "base", "other", "late_name", "colour", "_HIDDEN", "known_outside", "append"):
        assert name not in found, name
    assert shortnames.shared({"a.py": "def known_outside(): pass"}, "x = known_outside") == {}
    assert not any(word.startswith("_") for word in found.values()), "the compiler hides _constants"


def test_names_that_meet_differ():
    """In one module, and in a class and what it is made of."""
    found = words()
    family = [found[name] for name in ("_amount", "_on_top", "total_of_all", "total_sum", "Holder")]
    assert len(set(family)) == len(family)
    assert len(set(words({"a.py": "def one_thing(): pass", "b.py": "def other_thing(): pass"}).values())) == 1, "these need not"


def test_what_is_made_of_a_container_keeps_its_methods():
    """A name at hand must not hide a method of a built-in type."""
    found = words()
    assert found["own_method"] not in shortnames.AT_HAND
    assert set(shortnames.AT_HAND) & set(found.values()), "where nobody uses them, they cost nothing"


def test_a_word_is_never_a_name_that_is_in_use():
    text = "import c\nb = 1\nclass C:\n    a = 'a'\n    def long_name(self, b_long):\n        return self.a, b_long, b\n"
    sources = {"m.py": text}
    found = shortnames.shared(sources, "b")
    assert "long_name" in found
    assert not {"a", "b", "c"} & set(found.values())


def test_the_firmware_keeps_its_meaning_and_its_lines():
    """Every module compiles, no name is lost or won, each stands in its own line; the same again gives the same."""
    sources = {str(p): s.read_text() for p, s in romfs.files().items() if p.suffix == ".py"}
    found = shortnames.shared(sources, "")
    assert found == shortnames.shared(dict(reversed(sources.items())), "")
    for place, text in sources.items():
        changed = shortnames.renamed(text, found)
        old, new = ast.parse(text), ast.parse(changed)
        pairs = list(zip(ast.walk(old), ast.walk(new), strict=True))
        seen = {}
        for before, after in pairs:
            assert type(before) is type(after), place
            assert getattr(before, "lineno", 0) == getattr(after, "lineno", 0), place
            for field in ("id", "attr", "arg", "name"):
                name = getattr(before, field, None)
                if isinstance(name, str):
                    word = getattr(after, field)
                    assert word == found.get(name, name) or "." in name, (place, name)
                    assert seen.setdefault(word, name) == name, f"{place}: {name} and {seen[word]} share {word}"
