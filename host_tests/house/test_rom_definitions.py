"""mpy-tool with the patch: which definitions of a module become constant objects, and which are made at run time as before."""

import re
import subprocess
import sys

import frozen
import pytest

SOURCE = '''
LIMIT = 5

def plain(a):
    return a

def with_default(a, b=1):
    return b

def outer():
    def inner():
        return 1
    def closure():
        return inner
    return closure

class Pure:
    NAME = "x"
    NUMBERS = (1, 2)
    SMALL = -3

    def __init__(self, a, b=None, c="c", d=(1, 2)):
        self.a = a

    async def work(self):
        pass

    @property
    def size(self):
        return 1

class Computed:
    LIMIT = LIMIT

    def method(self):
        pass

class Made:
    def __new__(cls):
        return object.__new__(cls)

class Child(Pure):
    def __init__(self):
        super().__init__(1)

class Keywords:
    def method(self, *, word=1):
        pass
'''


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """The C source for the module with the option."""
    folder = tmp_path_factory.mktemp("rom")
    (folder / "sample.py").write_text(SOURCE)
    (folder / "list.txt").write_text("# a comment\nsample.py\n")
    [module] = frozen.compiled({"sample.py": folder / "sample.py"}, folder / "mpy").values()
    command = [sys.executable, str(frozen.SOURCES / "tools" / "mpy-tool.py"), f"--rom-definitions={folder / 'list.txt'}", "-f"]
    return subprocess.run([*command, str(module)], capture_output=True, text=True, check=True).stdout


def members(text):
    """Class -> the names in its constant dictionary."""
    tables = re.findall(r"rom_members_sample_(\w+)\[\d+\] = \{\n(.*?)\n\};", text, re.S)
    return {name: set(re.findall(r"MP_ROM_QSTR\(MP_QSTR_(\w+)\), ", table)) for name, table in tables}


def test_members_are_constant_where_all_of_them_are(text):
    """Constants, methods with constant defaults, properties; no computed value, __new__, super() or keyword-only argument."""
    assert members(text) == {"Pure": {"NAME", "NUMBERS", "SMALL", "__init__", "work", "size"}}


def test_functions_without_defaults_and_outer_variables_are_constant(text):
    [functions] = re.findall(r"mp_frozen_functions\[\] = \{\n(.*?)\n\};", text, re.S)
    names = set(re.findall(r"fun_data_sample_(\w+)\}", functions))
    assert names == {"plain", "outer", "outer_inner", "Computed_method", "Made___new__"}


def test_defaults_and_the_kind_of_function_are_kept(text):
    """Defaults in their order, a coroutine as a generator, the getter of a property."""
    [defaults] = re.findall(r"rom_fun_\w+Pure___init__ = \{.*\{(.*)\}\};", text)
    assert re.fullmatch(r"MP_ROM_NONE, MP_ROM_QSTR\(MP_QSTR_c\), MP_ROM_PTR\(&const_obj_sample_\d+\)", defaults)
    assert re.search(r"rom_fun_\w+Pure_work = \{\{&mp_type_gen_wrap\}", text)
    assert re.search(r"rom_property_\w+ = \{\{&mp_type_property\}, \{MP_ROM_PTR\(&rom_fun_\w+Pure_size\), MP_ROM_NONE", text)
    assert "MP_ROM_INT(-3)" in text


def test_without_the_option_nothing_is_constant(tmp_path):
    (tmp_path / "sample.py").write_text(SOURCE)
    [module] = frozen.compiled({"sample.py": tmp_path / "sample.py"}, tmp_path / "mpy").values()
    command = [sys.executable, str(frozen.SOURCES / "tools" / "mpy-tool.py"), "-f", str(module)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "rom_members" not in text and "mp_frozen_functions_len = 0;" in text and ".context" not in text
