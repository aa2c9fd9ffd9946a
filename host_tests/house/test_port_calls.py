"""Each use of `machine`, `esp32` and `network` in firmware and boards, held against the port's stubs and sources.

A name, a keyword or a number of arguments that the port does not have shows on a board alone: the shims of boards/SIM take
what they were written for. The stubs have the signatures; where the port's source of a class is at hand, its keywords and
methods must be names there as well, as the stubs are those of a newer version.
"""

import ast
import re

import pytest

from house.source import FIRMWARE, ROOT

TYPINGS = ROOT / "typings"
PORT = ROOT / ".toolchain" / "src" / "ports" / "esp32"
MODULES = ("machine", "esp32", "network")
# class -> the port's source that defines it
SOURCES = {
    "machine.Pin": "machine_pin.c", "machine.PWM": "machine_pwm.c", "machine.RTC": "machine_rtc.c",
    "machine.UART": "machine_uart.c",
    "machine.Timer": "machine_timer.c", "machine.I2C": "machine_i2c.c", "esp32.NVS": "esp32_nvs.c",
    "esp32.Partition": "esp32_partition.c", "network.WLAN": "network_wlan.c",
    "network.LAN": "network_lan.c",
}
# In the port, and not in its stubs: Pin.board is made from pins.csv (machine_pin.c).
BESIDE_THE_STUBS = {"machine.Pin.board"}


class Class:
    """A class of the stubs: `members` maps a name to its signatures, None for one that is no function."""

    def __init__(self, node):
        self.members, self.bases = {}, [base.id for base in node.bases if isinstance(base, ast.Name)]
        for entry in node.body:
            enter(self.members, entry)


def enter(members, entry):
    """Put a definition of a stub into a dictionary of names."""
    if isinstance(entry, ast.FunctionDef):
        members.setdefault(entry.name, []).append(entry)
    elif isinstance(entry, ast.ClassDef):
        if not (isinstance(members.get(entry.name), Class) and not entry.body):
            members.setdefault(entry.name, Class(entry))
    elif isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
        members[entry.target.id] = None
    elif isinstance(entry, ast.Assign):
        members.update({target.id: None for target in entry.targets if isinstance(target, ast.Name)})


def stub(name):
    """All names of a module of the stubs."""
    members = {}
    for entry in ast.parse((TYPINGS / f"{name}.pyi").read_text()).body:
        enter(members, entry)
    return members


@pytest.fixture(scope="module")
def stubs():
    """The three modules, and vfs, from which esp32.Partition takes its block device."""
    return {name: stub(name) for name in (*MODULES, "vfs")}


class Checker(ast.NodeVisitor):
    """A file's uses of names that do not exist, in `faults`; `checked` counts all uses."""

    def __init__(self, where, stubs):
        self.where, self.stubs, self.faults, self.checked = where, stubs, [], 0
        self.names = {}  # of the file -> "machine" or "machine.Pin"
        self.instances = {}  # local name or attribute of self -> class
        self.called = set()

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name in MODULES:
                self.names[alias.asname or alias.name] = alias.name

    def visit_ImportFrom(self, node):
        if node.module in MODULES:
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                self.find(f"{node.module}.{alias.name}", node)

    def visit_Assign(self, node):
        if isinstance(node.value, ast.Call):
            kind = self.resolve(node.value.func)
            if kind and isinstance(self.lookup(kind), Class):
                for target in node.targets:
                    name = key(target)
                    if name:
                        self.instances[name] = kind
        self.generic_visit(node)

    def visit_Call(self, node):
        path = self.resolve(node.func)
        if path and path not in MODULES:
            self.called.add(node.func)
            self.find(path, node)
            self.check_call(path, node)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        path = self.resolve(node)
        if path and node not in self.called:
            self.find(path, node)
        self.generic_visit(node)

    def resolve(self, node):
        """The dotted name of what an expression names, of one of the three modules; None for anything else."""
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        if isinstance(node, ast.Call):
            kind = self.resolve(node.func)
            return kind if kind and isinstance(self.lookup(kind), Class) else None
        if key(node) in self.instances:
            return self.instances[key(node)]
        if isinstance(node, ast.Attribute):
            base = self.resolve(node.value)
            return f"{base}.{node.attr}" if base else None
        return None

    def lookup(self, path):
        """The entry of the stubs, False when there is none."""
        module, *rest = path.split(".")
        found = self.stubs[module]
        for name in rest:
            members = found.members if isinstance(found, Class) else found if isinstance(found, dict) else {}
            if name not in members:
                inherited = [self.stubs["vfs"].get(base) for base in found.bases] if isinstance(found, Class) else []
                members = next((one.members for one in inherited if isinstance(one, Class) and name in one.members), None)
                if members is None:
                    return False
            found = members[name]
        return found

    def find(self, path, node):
        """A fault when the stubs, or the port's source of the class, do not know a name."""
        self.checked += 1
        if any(path == known or path.startswith(known + ".") for known in BESIDE_THE_STUBS):
            return
        if self.lookup(path) is False:
            self.faults.append(f"{self.where}:{node.lineno}: {path} is not in the port")
            return
        kind, _, member = path.rpartition(".")
        if kind in SOURCES and not known_to_source(kind, member):
            self.faults.append(f"{self.where}:{node.lineno}: {path} is not in {SOURCES[kind]}")

    def check_call(self, path, node):
        """A fault when no signature takes the call."""
        entry = self.lookup(path)
        kind = path.rpartition(".")[0]
        if isinstance(entry, Class):
            kind, entry = path, entry.members.get("__init__")
        if not entry:
            return
        beside = {keyword.arg for keyword in node.keywords if keyword.arg and is_keyword_of_source(kind, keyword.arg)}
        if not any(takes(signature, node, kind.count(".") > 0, beside) for signature in entry):
            self.faults.append(f"{self.where}:{node.lineno}: {path} does not take these arguments: {ast.unparse(node)}")
        for word in [keyword.arg for keyword in node.keywords if keyword.arg]:
            if kind in SOURCES and not known_to_source(kind, word):
                self.faults.append(f"{self.where}:{node.lineno}: {path} has no keyword {word} in {SOURCES[kind]}")


def key(node):
    """A name for `x` and `self.x`, by which an instance is known again in its file."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return "self." + node.attr
    return None


def known_to_source(kind, name):
    """Whether a name is one of MicroPython's in the C source of a class; what extmod gives it is not at hand there."""
    text = (PORT / SOURCES[kind]).read_text()
    inherited = {  # of extmod: machine_uart.c, machine_pwm.c, machine_i2c.c, py/stream.c
        "machine.UART": {"init", "read", "readinto", "write", "any"},
        "machine.PWM": {"init", "deinit", "duty_u16", "freq", "duty_ns"},
        "machine.I2C": {"readfrom", "writeto", "readfrom_mem", "writeto_mem", "readfrom_mem_into", "scan", "scl", "sda", "freq"},
    }
    return bool(re.search(rf"\bMP_QSTR_{name}\b", text)) or name in inherited.get(kind, ())


def is_keyword_of_source(kind, name):
    """Whether the C source of a class declares an argument by this name: the stubs lack Pin's `hold` and LAN's pins."""
    return kind in SOURCES and bool(re.search(rf"MP_QSTR_{name}, +MP_ARG", (PORT / SOURCES[kind]).read_text()))


def takes(signature, call, method, beside):
    """Whether a function of the stubs can be called so; `beside` are keywords that the source has, whatever the stub says."""
    arguments = signature.args
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in signature.decorator_list)
    positional = [*arguments.posonlyargs, *arguments.args][0 if static or not method else 1 :]
    only = {one.arg for one in arguments.posonlyargs}
    given = [one for one in call.args if not isinstance(one, ast.Starred)]
    starred = len(given) != len(call.args) or any(keyword.arg is None for keyword in call.keywords)
    words = [keyword.arg for keyword in call.keywords if keyword.arg]
    if len(given) > len(positional) and not arguments.vararg:
        return False
    named = [one.arg for one in positional[len(given) :] if one.arg not in only]
    allowed = set(named) | {one.arg for one in arguments.kwonlyargs}
    if not arguments.kwarg and not set(words) <= allowed | beside:
        return False
    required = [one.arg for one in positional[: len(positional) - len(arguments.defaults)]][len(given) :]
    required += [one.arg for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return starred or set(required) <= set(words)


def check(source, where, stubs):
    """The faults of a source, and how many uses were looked at."""
    checker = Checker(where, stubs)
    checker.visit(ast.parse(source))
    return checker.faults, checker.checked


def test_calls_of_the_port_exist(stubs):
    """Firmware and boards: names, keywords and numbers of arguments."""
    faults, checked = [], 0
    for path in sorted([*FIRMWARE.rglob("*.py"), *(ROOT / "boards").glob("ESP32_*/*.py")]):
        found, count = check(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)), stubs)
        faults += found
        checked += count
    assert not faults, "\n".join(faults)
    assert checked > 60, f"only {checked} uses found"


@pytest.mark.parametrize("source", (
    "import machine\nmachine.restart()",
    "import machine\nmachine.Pin(5, machine.Pin.OUTPUT)",
    "import machine\nmachine.WDT(timeout_ms=8000)",
    "from machine import Pim",
    "from machine import Pin\nPin(5, Pin.OUT, 1, 1, 1)",
    "from machine import Pin\nPin(5, Pin.OUT, level=1)",
    "from machine import Pin\nclass A:\n def f(self):\n  self._p = Pin(5)\n  self._p.set(1)",
    "from machine import PWM, Pin\npwm = PWM(Pin(5), frequency=1000)",
    "from machine import PWM, Pin\npwm = PWM(Pin(5), freq=1000)\npwm.duty_u8(5)",
    "import esp32\nesp32.NVS()",
    "import esp32\nnvs = esp32.NVS('a')\nnvs.set_i64('a', 5)",
    "import esp32\nnvs = esp32.NVS('a')\nnvs.set_i32('a')",
    "import esp32\nesp32.Partition.find(esp32.Partition.TYPE_DATA, name='vfs')",
    "import network\nnetwork.WLAN().connected()",
    "import network\nnetwork.AUTH_WPA4_PSK",
    "import network\nwlan = network.WLAN()\nwlan.connect(ssid='x', key='y')",
    "import network\nnetwork.LAN(0, phy_type=network.PHY_LAN8720, phy_addr=0, mdc=1, mdio=2, clock_mode=1)",
    "import network\nnetwork.LAN(0, phy_type=network.PHY_W5100, phy_addr=0)",
    "import network\nlan = network.LAN(0)\nlan.connect()",
))  # fmt: skip
def test_a_made_up_call_is_found(source, stubs):
    """The test of the test: one fault each."""
    faults, _ = check(source, "made_up.py", stubs)
    assert faults, source


@pytest.mark.parametrize("source", (
    "import machine\nmachine.reset()\nmachine.reset_cause() == machine.PWRON_RESET",
    "from machine import Pin\npin = Pin('LED', Pin.OUT, value=0, hold=True)\npin.init(hold=False)\npin.value(1)",
    "from machine import PWM, Pin\npwm = PWM(Pin(5), freq=1000, duty_u16=1)\npwm.deinit()\npwm.init(freq=1000, duty_u16=5)",
    "import esp32\nesp32.Partition(esp32.Partition.RUNNING).get_next_update().set_boot()",
    "import network\nwlan = network.WLAN(network.AP_IF)\nwlan.connect('x', 'y')",
    "import network\nlan = network.LAN(0, phy_type=network.PHY_W5500, phy_addr=0, spi=1, cs=2, int=3)\nlan.active(True)",
))  # fmt: skip
def test_call_that_the_port_offers_is_accepted(source, stubs):
    """Calls that the port accepts are no faults."""
    assert check(source, "right.py", stubs)[0] == []
