"""Entry points for foreign code: the prompt, files that take a module's place, code that comes as data (SEC-8, 19 to 21)."""

import ast
import os
import signal
import subprocess

import pytest

from house.source import FIRMWARE, ROOT, modules

FORBIDDEN_CALLS = {"exec", "eval", "compile", "execfile", "dupterm"}
FORBIDDEN_IMPORTS = {"webrepl", "_webrepl", "mip", "upip", "code", "bluetooth", "espnow", "aioespnow"}


def entry_points_of(source):
    """Calls and imports in a module that would let code in."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            found |= {name} & FORBIDDEN_CALLS
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_IMPORTS
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").split(".")[0]} & FORBIDDEN_IMPORTS
    return found


def test_no_module_lets_code_in():
    for name, path in modules().items():
        assert not entry_points_of(path.read_text(encoding="utf-8")), name


@pytest.mark.parametrize("source", ["eval(x)", "import os\nos.dupterm(u)", "from mip import install", "import webrepl"])
def test_entry_points_are_found(source):
    assert entry_points_of(source)


# The key storage of a unit, without the flash behind it
ESP32 = """
HEAP_DATA = 4
class NVS:
    def __init__(self, namespace):
        self._values = {values!r} if namespace == "pilotlight" else {{}}
    def get_i32(self, key):
        if key not in self._values:
            raise OSError(-0x1102)
        return self._values[key]
    def get_blob(self, key, buffer):
        raise OSError(-0x1102)
"""


def script(tmp_path, provisioned, after):
    """A file that starts the way the port does: the search path begins with the file system's root, then boot.py; `after`
    follows."""
    path = tmp_path / "start.py"
    shims = tmp_path / "shims"
    shims.mkdir(exist_ok=True)
    (shims / "board.py").write_text('OUTLETS = ({"contactor": {"out": 1}},)\n')
    (shims / "machine.py").write_text(
        "class Pin:\n    OUT = 1\n    def __init__(self, *_, **__): pass\ndef reset():\n    print('RESET')\n")
    (shims / "esp32.py").write_text(ESP32.format(values={"provisioned": 1} if provisioned else {}))
    before = f'import sys\nsys.path[:] = ["", {str(shims)!r}, {str(FIRMWARE)!r}, ".frozen", "/lib"]\n'
    path.write_text(before + "import micropython\nmicropython.kbd_intr(3)\nimport boot\n" + after)
    return path


def start(tmp_path, provisioned, after, word=64):
    """The interpreter, in a folder that stands for the file system's root."""
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    return subprocess.Popen([ROOT / ".toolchain" / f"micropython{word}", script(tmp_path, provisioned, after)], cwd=root,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"]})


def test_a_file_on_the_file_system_takes_no_modules_place(tmp_path):
    """Somebody has put board.py and a package `charger` there."""
    (tmp_path / "root" / "charger").mkdir(parents=True)
    for name in ("board.py", "charger/__init__.py", "charger/log.py", "machine.py"):
        (tmp_path / "root" / name).write_text("print('EVIL')\n")
    process = start(tmp_path, True, "import charger.log\nprint('path', sys.path)\n")
    out, _ = process.communicate(timeout=30)
    assert "EVIL" not in out and "path" in out and process.returncode == 0, out
    assert "''" not in out and "/lib'" not in out


def after_ctrl_c(process, lines):
    """The output of a process that gets Ctrl-C once it has printed these lines."""
    try:
        assert [process.stdout.readline() for _ in lines] == lines
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=30)[0]
    finally:
        process.kill()


@pytest.mark.parametrize("provisioned", [False, True])
def test_ctrl_c_works_until_the_unit_is_provisioned(tmp_path, provisioned):
    """mpremote needs it on a unit that is being made; on one with credentials there is no KeyboardInterrupt any more."""
    after = "try:\n    print('UP')\n    while True: pass\nexcept KeyboardInterrupt:\n    print('PROMPT')\n"
    process = start(tmp_path, provisioned, after)
    out = after_ctrl_c(process, ["UP\n"])
    assert ("PROMPT" in out) == (not provisioned)
    assert (process.returncode == -signal.SIGINT) == provisioned  # the unix port's way of not listening to it


@pytest.mark.parametrize("product", [False, True])
def test_ctrl_c_works_again_on_a_unit_whose_owner_opens_the_console(tmp_path, product):
    """For a repair, until the next restart; an image of the PRODUCT variant has no console to open."""
    after = (f"import sys\nif {product}: sys.modules['product_build'] = sys\n"
             "from charger.drivers import console\nprint('OPEN', console.reopen())\n"
             "try:\n    print('UP')\n    while True: pass\nexcept KeyboardInterrupt:\n    print('PROMPT')\n")
    out = after_ctrl_c(start(tmp_path, True, after), [f"OPEN {not product}\n", "UP\n"])
    assert ("PROMPT" in out) == (not product)


@pytest.mark.parametrize("provisioned", [False, True])
def test_a_firmware_that_ends_does_not_end_at_the_prompt(tmp_path, provisioned):
    """main.py with an application that dies: a provisioned unit starts anew, one that is being made shows the prompt."""
    after = ("import sys\nclass App:\n    def main(self):\n        raise OSError('dead')\n"
             "import charger\ncharger.app = App()\nsys.modules['charger.app'] = charger.app\nimport main\nprint('AFTER')\n")
    out, _ = start(tmp_path, provisioned, after).communicate(timeout=30)
    assert "dead" in out and ("RESET" in out) == provisioned, out
