"""Names: what was renamed does not come back, and the prose of the code avoids words that hide the noun."""

import ast
import io
import re
import tokenize
from functools import cache

import pytest

from house.source import ROOT, modules, tracked

# Names that said nothing in the field's terms, and what they are now.
RETIRED = {
    "Door": "LocalApiListener", "make_door": "make_listener", "Portal": "MqttClient", "make_portal": "make_mqtt_client",
    "Updates": "UpdateManager", "Slots": "ABRecord", "Outbox": "TransactionQueue", "outbox": "transaction_queue",
    "Archive": "DiagnosticsText", "Notices": "StatusNotifier or ReleaseCheck", "Certificates": "CertificateRenewal",
    "LazyServices": "ServiceRegistry", "LinkSettings": "ConnectionSettings", "LinkChange": "CredentialTrial",
    "LinkError": "LinkFailedError", "Backoff": "PinThrottle", "Sessions": "SessionStore", "SelfTest": "RcdSelfTest",
    "Uploads": "UploadAttempts", "kick": "retry_now", "spill": "flush_to_flash", "let_go": "free_memory",
}  # fmt: skip


@cache
def code() -> tuple:
    """(path, source) of every Python file of the project but this one."""
    files = [path for path in tracked() if path.suffix == ".py" and "typings" not in path.parts and path.name != "test_names.py"]
    return tuple((path.relative_to(ROOT), path.read_text(encoding="utf-8")) for path in files)


def names(source: str) -> list:
    """(name, line) of every identifier."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.string, token.start[0]) for token in tokens if token.type == tokenize.NAME]


def test_retired_names_do_not_come_back():
    """No file uses a name that was replaced."""
    found = []
    for path, source in code():
        if any(name in source for name in RETIRED):
            found += [f"{path}:{line}: {name} is now {RETIRED[name]}" for name, line in names(source) if name in RETIRED]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("source", "count"), [("app.kick()", 1), ("# kick\nx = 'kick'", 0), ("def spill(): pass", 1)])
def test_identifiers_count_and_text_does_not(source, count):
    """The check reads code, not comments or strings."""
    ast.parse(source)
    assert len([name for name, _ in names(source) if name in RETIRED]) == count


# Names of functions that say neither what is done nor to what: each stood for two to six different things.
UNCLEAR = {"ask", "look", "who", "held", "heed", "gone", "place", "believed", "through", "told", "heard", "made", "thing"}


def unclear(source: str) -> list:
    """Functions of a module with such a name."""
    return [node.name for node in ast.walk(ast.parse(source))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.strip("_") in UNCLEAR]


def test_functions_of_the_firmware_say_what_they_do():
    """A function is named after what it does and to what."""
    found = [(path.stem, name) for path in modules().values() for name in unclear(path.read_text(encoding="utf-8"))]
    assert sorted(found) == []


def test_a_function_that_asks_is_found():
    """With and without an underscore, async or not."""
    assert unclear("async def _ask(self): pass\ndef request(): pass\ndef who(): pass") == ["_ask", "who"]


# Pronouns that stand where a reader looks for the noun: the client, the installer, the server, the caller.
HIDING = re.compile(r"\b(nobody|somebody|anybody|whoever)\b", re.IGNORECASE)


def prose(source: str) -> list:
    """(text, line) of every comment and docstring."""
    found = [
        (token.string, token.start[0])
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node, clean=False)
            if text:
                found.append((text, node.body[0].lineno))
    return found


def test_comments_and_docstrings_name_who_acts():
    """Firmware, boards and tools say client, installer, server or caller."""
    found = [
        f"{path}:{line}: {HIDING.search(text)[0]}"
        for path, source in code()
        if path.parts[0] in ("firmware", "boards", "tools")
        for text, line in prose(source)
        if HIDING.search(text)
    ]
    assert not found, "\n".join(found)


def test_docstrings_begin_with_a_noun_or_a_verb():
    """Not with What, Who, How or Where: the noun says it in fewer words."""
    opening = re.compile(r"(What|Who|How|Where) ")
    found = [f"{path}:{line}" for path, source in code() for text, line in prose(source) if opening.match(text)]
    assert not found, "\n".join(found)


def test_prose_is_comments_and_docstrings_and_no_other_string():
    """A text for the owner may say that nobody is authorised."""
    source = 'def f():\n    """One."""\n    return "Two"  # Three\n'
    assert sorted(text for text, _ in prose(source)) == ["# Three", "One."]


@cache
def defined() -> dict:
    """The names that each module of firmware/ binds at its top level, imports included."""
    found = {}
    for name, path in modules().items():
        bound = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
        found[name] = bound
    return found


def missing(source: str) -> list:
    """(line, module, name) of what is imported from firmware/ and is not there."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in defined():
            names_ = [alias.name for alias in node.names if f"{node.module}.{alias.name}" not in modules()]
            found += [(node.lineno, node.module, name) for name in names_ if name not in defined()[node.module]]
    return found


def test_tests_and_tools_import_what_exists():
    """An import of a name that the firmware no longer has would fail only when that test runs."""
    found = [f"{path}:{line}: {module} has no {name}" for path, source in code() for line, module, name in missing(source)]
    assert not found, "\n".join(found)


def test_an_import_of_a_missing_name_is_found():
    """The check above sees a name that is not there, and accepts modules and names that are."""
    source = "from charger.clock import no_such\nfrom charger.clock import ticks_ms\nfrom charger import clock\n"
    assert missing(source) == [(1, "charger.clock", "no_such")]


def test_no_constant_is_assigned_twice():
    """A second assignment of a module's constant changes what the functions above it use."""
    found = []
    for path, source in code():
        seen = set()
        for node in ast.parse(source).body:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name) and target.id.strip("_").isupper():
                    found += [f"{path}:{node.lineno}: {target.id}"] if target.id in seen else []
                    seen.add(target.id)
    assert not found, "\n".join(found)
