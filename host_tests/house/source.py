"""The input of the house checks: the firmware's modules, their imports, and the files under version control."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"


@dataclass(frozen=True)
class Import:
    """One import statement's target as a dotted name, and the line it stands on."""

    target: str
    line: int


def module_name(path: Path, base: Path = FIRMWARE) -> str:
    """The dotted name under which a file below the base is imported."""
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Every module of firmware/ by its dotted name."""
    return {module_name(path): path for path in sorted(FIRMWARE.rglob("*.py"))}


def is_package(name: str) -> bool:
    """True for a module that holds others."""
    return name in modules() and modules()[name].name == "__init__.py"


def imports(source: str, name: str, package: bool = False, known=None) -> list[Import]:
    """All imports of a module, local ones too; `from a import b` counts as a.b where that is a module."""
    known = modules() if known is None else known
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, name, package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.append(Import(inner if inner in known else base, node.lineno))
        elif is_dynamic(node):
            found.append(Import(dynamic_target(node), node.lineno))
    return found


def absolute(node: ast.ImportFrom, name: str, package: bool) -> str:
    """The dotted name that a from-import names, relative ones resolved."""
    if not node.level:
        return node.module or ""
    parts = name.split(".") if package else name.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def is_dynamic(node: ast.AST) -> bool:
    """True for a call of __import__."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__"


def dynamic_target(node: ast.Call) -> str:
    """The argument of __import__: a literal, or the literal beginning of a longer expression."""
    first = node.args[0]
    while isinstance(first, ast.BinOp):
        first = first.left
    return first.value.removesuffix("%s").rstrip(".") if isinstance(first, ast.Constant) and isinstance(first.value, str) else "?"


@cache
def tracked() -> list[Path]:
    """Files under version control, or about to be: what git neither ignores nor has seen deleted."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return [path for path in (ROOT / name for name in done.stdout.split("\0") if name) if path.is_file()]
