"""The simulated board as plain data; a real board's board.py has the same names, with ranges: tools/board_definition/keys.py.

NAME        board name, also the board field of an update image
FLASH_ROOT  where the writable file system is mounted
LATE_TICK_MS  a control tick later than this opens the contactor
OUTLETS     one dictionary an outlet, in the order of the connector ids:
  max_da      what contactor and wiring bear, 0.1 A, per phase
  phases      phases wired to the outlet, 1 or 3
  pilot       {"pwm", "adc": pins, "rail_mv", "r1", "r2", "r3": ohms of CP - R1 - node, node - R2 - rail,
              node - R3 - ground, "conversion_us": of the ADC, None where the unit measures it}
  contactor   {"out": pin, "active": level that closes, "feedback": pin or a pin a pole, "contact": what the feedback is,
              "normally_open", "mirror" or "voltage" (drivers/contactor.py), "close_ms", "open_ms": what it takes at most}
  rcd         {"trip": pin (1 = tripped), "test": pin, "answer_ms", "release_ms": what the test takes at most, 200, "reset": pin
              (1 = reset) of a monitor that latches, absent without one} or None
  lock        {"out": pin (1 = lock), "feedback": pin (1 = locked), "move_ms"} or None: tethered
  proximity   {"adc": pin, "pullup": ohms to the rail, "rail_mv"} or None: tethered
  ntc         {"adc": pin}: 10 kohm at 25 degC, B 3950, to ground, 10 kohm to 3.3 V; or None
  phase_switch  a second contactor, of the phases 2 and 3, with the keys of `contactor`, or None: `contactor` switches all
              poles. It is never closed unless `contactor` is; L1 and N always go through `contactor`
  fault_input {"pin": pin (1 = fault)} or None: a fault that only this outlet has
  wake_up     True where a sleeping car is to be woken out of the box (the key WakeUpVehicle); absent: False
  meter       (driver, options): what drivers.meters.make() takes
  reader      {"kind": what a file of drivers/readers/ calls itself, "serial_ascii" without it, and "uart": number, "tx", "rx":
              pins, or "bus": number and its pins, and the options of that file} or None
SHARED      pins of the whole board: tamper (1 = lid open), button (0 = pressed), led (1 = on), pixel (a WS2812 as
            status LED in place of led), fault (1 = fault of the board), rails (1 = the pilot generator's supply is out of
            range), reduction (1 = the grid operator asks for less power); None, or not there, where a board has none
HOUSE       (driver, options) as `meter`: an input of the house's current, the charger included, at its supply; None, or not
            there, on a board without one. Here from --set HouseKind
DISPLAY     {"kind": a file of drivers/displays/, "bus": number, its pins, the options of that file}; None, or not there, on a
            board without one. Here from --set DisplayKind
LAN         Ethernet, before Wi-Fi: {"kind": "lan8720", "mdc", "mdio": pins, "address": of the PHY, 0 to 31, "clock": "output"
            (the chip drives the 50 MHz on the pin "ref_clk") or "input", "power", "reset": pins or None}, or
            {"kind": "w5500", "bus": an SPI bus of its own, "sck", "mosi", "miso", "cs", "int": pins, "reset": pin or None};
            None, or not there, on a board without. Here from --set LanKind
COPROCESSOR True where the chip's co-processor runs the program of the board's folder (coprocessor_program/); absent: False
DEVICE      what the label says: vendor, model, serial
FACTORY     factory values of the unit, text by standard OCPP key name. Here from --set; on a real board from the file
            that the factory writes
CSMS        where the unit connects to out of the box: url (without the identity) or None, identity, security_profile,
            basic_auth_password, ca, client_cert, client_key (PEM text or None)
WEB         "HOST:PORT" of the local page or None
SETUP_PORTS what leads to it from the set-up network: {"dns", "http": ports}, or None
MQTT        the owner's broker: url (mqtts://[user@]HOST[:PORT][/PREFIX]), password, ca (PEM text); or None
UPDATE      where updates may come from: host names, root certificates (PEM), address of the notice of new versions
HANDSHAKE_MS  how long a TLS handshake holds up the interpreter: above 40 ms none takes place with a contactor closed
UPDATE_KEYS public keys that sign images, P-256 points of 65 bytes; none: no update is accepted
LAB         True for a laboratory unit, False for a unit as sold
"""

from sim import chips, displays, ethernet, hardware_times, launch, readers
from sim.launch import config, is_true, setting

NAME = "SIM"
FLASH_ROOT = "/flash"
LATE_TICK_MS = 100

_SOCKET = is_true(setting("ConnectorLock", "true"))
_PHASES = 3 if setting("CompositeScheduleDefaultNumberPhases", "1") == "3" else 1
_HOUSE = 60  # in the place of an outlet's number: where the input for the house is
_CONVERSION_US = None if setting("AdcConversionUs", None) else 45  # another one the unit measures of itself
_RESET = is_true(setting("MonitorReset", "false"))
_SWITCH = _PHASES == 3 and is_true(setting("ConnectorSwitch3to1PhaseSupported", "false"))


def _meter(number):
    """--set MeterKind=...; else a three-phase unit has an ATM90E32 on SPI, the others an ADE7953 on I2C."""
    return _driver(setting("MeterKind", "ATM90E32" if _PHASES == 3 else "ADE7953"), number)


def _driver(name, number):
    driver, own, shared = chips.ON_SIM[name]
    options = dict(shared)
    for name, first in own.items():
        options[name] = first + number
    return (driver, options)


def _reader(number):
    """--set ReaderKind=..."""
    driver, own, shared = readers.ON_SIM[setting("ReaderKind", "serial")]
    options = dict(shared)
    if driver != "serial_ascii":
        options["kind"] = driver
    for name, first in own.items():
        options[name] = first + number
    return options


def _contactor(out, feedback, poles):
    """--set ContactorActive=0, --set ContactorContact=mirror or voltage (one input of `poles` a pole)."""
    contact = setting("ContactorContact", "normally_open")
    return {
        "out": out,
        "active": int(setting("ContactorActive", "1")),
        "feedback": poles if contact == "voltage" else feedback,
        "contact": contact,
        "close_ms": 30,
        "open_ms": 20,
    }


def _monitor(base, reset):
    """--set MonitorReset=true: it latches, and has a reset input."""
    found = {"trip": base + 4, "test": base + 5}
    if _RESET:
        found["reset"] = reset
    return found


def _outlet(number):
    base = 10 * number
    return {
        "max_da": 320,
        "phases": _PHASES,
        "pilot": {
            "pwm": base, "adc": base + 1, "r1": 220000, "r2": 47000, "r3": 36000, "rail_mv": 3300,
            "conversion_us": _CONVERSION_US,
        },
        "contactor": _contactor(base + 2, base + 3, (base + 3, 60 + number, 64 + number)[: 1 if _SWITCH else _PHASES]),
        "rcd": _monitor(base, 114 + number),
        "lock": {"out": base + 6, "feedback": base + 7, "move_ms": 500} if _SOCKET else None,
        "proximity": {"adc": base + 8, "pullup": 1000, "rail_mv": 3300} if _SOCKET else None,
        "ntc": {"adc": base + 9},
        "fault_input": {"pin": 100 + number},
        "phase_switch": _contactor(110 + number, 80 + number, (80 + number, 84 + number)) if _SWITCH else None,
        "meter": _meter(number),
        "reader": _reader(number),
    }


OUTLETS = tuple([_outlet(n) for n in range(1, config["connectors"] + 1)])
SHARED = {"tamper": 90, "button": 91, "led": 92, "pixel": None, "fault": 93, "rails": 94}
if setting("HouseKind", None):
    HOUSE = _driver(setting("HouseKind", None), _HOUSE)
if setting("DisplayKind", None):
    DISPLAY = displays.ON_SIM[setting("DisplayKind", None)]
if setting("LanKind", None):
    LAN = ethernet.ON_SIM[setting("LanKind", None)]
HEAP_GROWS = False
HANDSHAKE_MS = int(setting("HandshakeMs", "0" if config["pace"] is None else str(hardware_times.TLS_HANDSHAKE_US["rsa"] // 1000)))
DEVICE = {
    "vendor": setting("ChargePointVendor", "Pilotlight"),
    "model": setting("ChargePointModel", "Simulator"),
    "serial": setting("ChargeBoxSerialNumber", config["serial"] or "SIM%05d" % config["seed"]),
}
FACTORY = {name: value for name, value in config["set"].items() if name not in launch.OURS}
CSMS = {
    "url": config["csms"],
    "secure_url": config["csms_secure"],
    "identity": config["identity"] or DEVICE["serial"],
    "security_profile": config["security_profile"],
    "basic_auth_password": config["basic_auth_password"],
    "ca": config["ca"],
    "client_cert": config["client_cert"],
    "client_key": config["client_key"],
}
WEB = config["web"]
SETUP_PORTS = launch.setup_ports()
MQTT = {"url": config["mqtt"], "password": config["mqtt_password"], "ca": config["mqtt_ca"]} if config["mqtt"] else None
LAB = config["lab"]
UPDATE = {
    "hosts": tuple(config["update_hosts"]),
    "roots": config["update_ca"],
    "manifest_url": config["update_url"],
    "board": "SIM",
    "hardware": int(setting("HardwareRevision", "1")),
}
UPDATE_KEYS = tuple([bytes.fromhex(key) for key in config["update_keys"]])
