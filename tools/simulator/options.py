"""The command line of the simulator, checked; every mistake is one sentence."""

import argparse
import base64
import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from board_definition import loading

from simulator.settings import PARTS, Mistake, factory_settings, one_of

DEFAULT_CONTROL = "127.0.0.1:8899"
PASSWORD_VARIABLE = "PILOTLIGHT_BASIC_AUTH_PASSWORD"
BROKER_VARIABLE = "PILOTLIGHT_MQTT_PASSWORD"
_IDENTITY_CHARACTERS = 48
_LEAST_HEAP = 65536
_FLASH_BLOCK = 4096
CHIPS = ("esp32", "esp32s3", "esp32c3")  # of --pace; boards/SIM/sim/hardware_times.py
FLASH_TIMES = ("typical", "worst")
_ROMFS = b"\xd2\xcd\x31"  # how an image begins (MicroPython's extmod/vfs_rom.c)
_LEAST_PACE = 0.1
_MOST_PACE = 1000


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Mistake(message[0].upper() + message[1:] + ".")


def address(text, what):
    """(host, port) of HOST:PORT."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Mistake(f"{what} must be HOST:PORT, not '{text}'.")
    return host.strip("[]"), int(port)


def _parser():
    parser = _Parser(
        prog="simulate.py", allow_abbrev=False,
        description="Run the charger's firmware on MicroPython's unix port, on a simulated board.",
        epilog="Drive it with tools/ctl.py or newline-delimited JSON on the control port.",
    )
    _add_unit(parser.add_argument)
    _add_run(parser.add_argument)
    return parser


def _add_unit(add):
    """The unit: its back end, identity, parts, credentials, sources of updates."""
    add("--csms", metavar="URL", help="back end, ws(s)://HOST:PORT/PATH; the identity is appended")
    add("--csms-secure", metavar="URL", help="back end for security profiles 2 and 3, where it is another wss://HOST:PORT/PATH")
    add("--board", metavar="NAME", help="run the board.py of boards/NAME, or of a folder given with a /, in the simulated world")
    add("--identity", metavar="ID", help="charge point identity (default: the serial number)")
    add("--count", type=int, default=1, metavar="N", help="run N chargers, ID0001 and so on, as tools/fleet.py does")
    add("--connectors", type=int, default=1, metavar="N", help="1 to 4 (default 1)")
    add("--set", action="append", default=[], metavar="KEY=VALUE",
        help="factory value of a key or device fact; " + ", ".join(f"{key} is {one_of(kinds)}" for key, kinds in PARTS.items()))
    add("--basic-auth-password", metavar="PW", help=f"better: {PASSWORD_VARIABLE} in the environment, or")
    add("--basic-auth-password-file", metavar="FILE", help="file with the password in its first line")
    add("--security-profile", type=int, default=None, metavar="N", help="0 to 3")
    add("--ca", metavar="FILE", help="root certificates of the back end (PEM)")
    add("--client-cert", metavar="FILE", help="the charger's certificate (PEM)")
    add("--client-key", metavar="FILE", help="its private key (PEM)")
    add("--web", metavar="HOST:PORT", help="serve the local page here")
    add("--serial-line", metavar="LINK", help="a pseudo-terminal with the console's serial line; LINK leads to it")
    add("--mqtt", metavar="URL", help="the owner's broker, mqtts://[USER@]HOST:PORT[/PREFIX]; TLS always")
    add("--mqtt-ca", metavar="FILE", help="root certificates of the broker (PEM)")
    add("--mqtt-password-file", metavar="FILE",
        help=f"file with the password in its first line; or {BROKER_VARIABLE} in the environment")
    add("--update-key", action="append", default=[], metavar="FILE", help="public key that signs updates (PEM, P-256)")
    add("--update-host", action="append", default=[], metavar="HOST", help="host that updates may come from")
    add("--update-ca", metavar="FILE", help="root certificates of these hosts (PEM)")
    add("--update-url", metavar="URL", help="notice of the newest version, https://HOST:PORT/PATH, asked for daily")
    add("--lab", action="store_true", help="a laboratory unit: plain protocols allowed, no national timing rules")


def _add_run(add):
    """The run: folder of the state, memory, time, trace, and the interpreter."""
    add("--state-dir", required=True, metavar="DIR", help="the flash: what is in it persists")
    add("--control", default=DEFAULT_CONTROL, metavar="HOST:PORT", help=f"control port (default {DEFAULT_CONTROL})")
    add("--heap", type=int, metavar="BYTES", help="heap for the firmware; what the simulated world needs is added")
    add("--word", type=int, default=64, metavar="32|64", help="word size of the interpreter (default 64)")
    add("--time-scale", type=float, default=1.0, metavar="X", help="run X times as fast as real time")
    add("--pace", default="off", metavar="off|esp32|esp32s3|esp32c3|FACTOR",
        help="let code and hardware take the time that they take on this chip, or FACTOR times this machine's (default off)")
    add("--flash-time", default="typical", metavar="typical|worst", help="what flash takes with --pace (default typical)")
    add("--tls-heap", type=int, metavar="BYTES", help="memory for TLS outside of the interpreter's heap (default: no limit)")
    add("--trace", metavar="FILE|-", help="write each OCPP message as a line of JSON; -: to stdout, and the log to stderr")
    add("--seed", type=int, default=1, metavar="N", help="part tolerances and reaction times (default 1)")
    add("--romfs", metavar="IMAGE", help="run the firmware from a ROMFS image")
    add("--frozen", metavar="PROGRAM", help="run on this interpreter, which holds the firmware frozen (make frozen); --word 32")


def _check_numbers(given):
    for value, low, high, what in (
        (given.connectors, 1, 4, "--connectors"),
        (given.security_profile or 0, 0, 3, "--security-profile"),
        (given.seed, 0, 2**31 - 1, "--seed"),
        (given.time_scale, 0.001, 100000, "--time-scale"),
        (given.heap or _LEAST_HEAP, _LEAST_HEAP, 2**30, "--heap"),
    ):
        if not low <= value <= high:
            raise Mistake(f"{what} must be {low} to {high}.")
    if given.word not in (32, 64):
        raise Mistake("--word must be 32 or 64.")
    if given.tls_heap is not None and not 0 <= given.tls_heap < 2**30:
        raise Mistake("--tls-heap must be 0 or more bytes.")
    if given.flash_time not in FLASH_TIMES:
        raise Mistake(f"--flash-time must be {' or '.join(FLASH_TIMES)}.")


def _check_board(given):
    """A real board brings its own outlets and meters; afterwards `given.board` is its folder."""
    if given.board is None:
        return
    try:
        given.board = str(loading.choose(given.board, "--board", anywhere=True))
    except loading.DefinitionError as error:
        raise Mistake(str(error)) from error
    if given.connectors != 1 or any(pair.partition("=")[0].strip() in PARTS for pair in given.set):
        raise Mistake(f"--board brings its own outlets and parts: leave --connectors and --set of {', '.join(PARTS)} away.")


def _pace(text):
    """None for no pace, a chip's name, or a factor."""
    if text == "off":
        return None
    if text in CHIPS:
        return text
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not _LEAST_PACE <= factor <= _MOST_PACE:
        raise Mistake(f"--pace must be off, {', '.join(CHIPS)} or a factor of {_LEAST_PACE:g} to {_MOST_PACE:g}.")
    return factor


def _check_identity(identity, profile):
    """Anything that a URL can carry percent-encoded (OCPP-1); a colon would end the user name of Basic (OCPP-5)."""
    if identity is None:
        return
    if not 1 <= len(identity) <= _IDENTITY_CHARACTERS or not identity.isprintable():
        raise Mistake(f"--identity must be 1 to {_IDENTITY_CHARACTERS} printable characters.")
    if ":" in identity and profile in (1, 2):
        raise Mistake("--identity must be without a colon under security profiles 1 and 2.")


def back_end_url(text, what):
    """The URL of a back end without a slash at its end; Mistake for any other text."""
    return _url(text, ("ws", "wss"), what)


def _url(text, schemes, what):
    try:
        parts = urlsplit(text)
        good = parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.username or any(ch.isspace() for ch in text):
        raise Mistake(f"{what} must be {' or '.join(s + '://' for s in schemes)}HOST:PORT, not '{text}'.")
    return text.rstrip("/")


def _pem(path, what, kind):
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{what} cannot be read: {error}.") from error
    if f"{kind}-----" not in text or "-----BEGIN" not in text:
        raise Mistake(f"{what} '{path}' holds no PEM {kind}.")
    return text


def _broker(given):
    """The broker's URL as the board takes it; a password in it would be seen by all."""
    if given.mqtt is None:
        if given.mqtt_ca is not None or given.mqtt_password_file is not None:
            raise Mistake("--mqtt-ca and --mqtt-password-file go with --mqtt.")
        return None
    parts = urlsplit(given.mqtt)
    if parts.password is not None:
        raise Mistake(f"--mqtt takes no password in the URL: use --mqtt-password-file or {BROKER_VARIABLE}.")
    if parts.username is not None and not parts.username:
        raise Mistake("--mqtt has an empty user name.")
    _url(given.mqtt.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1), ("mqtts",), "--mqtt")
    return given.mqtt.rstrip("/")


def _first_line(path, what):
    try:
        return Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{what} cannot be read: {error}.") from error


def _broker_password(given):
    if given.mqtt_password_file is not None:
        return _first_line(given.mqtt_password_file, "--mqtt-password-file")
    return os.environ.get(BROKER_VARIABLE) if given.mqtt else None


def _password(given):
    if given.basic_auth_password is not None and given.basic_auth_password_file is not None:
        raise Mistake("Give --basic-auth-password or --basic-auth-password-file, not both.")
    if given.basic_auth_password_file is not None:
        return _first_line(given.basic_auth_password_file, "--basic-auth-password-file")
    if given.basic_auth_password is not None:
        return given.basic_auth_password
    return os.environ.get(PASSWORD_VARIABLE)


_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")  # what comes before the point (RFC 5480)


def _point(path):
    """The point of a P-256 public key in a PEM file, in hexadecimal."""
    text = _pem(path, "--update-key", "PUBLIC KEY")
    body = text.partition("-----BEGIN PUBLIC KEY-----")[2].partition("-----END")[0]
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        der = b""
    if not der.startswith(_P256) or len(der) != len(_P256) + 65:
        raise Mistake(f"--update-key '{path}' is no P-256 public key.")
    return der[len(_P256) :].hex()


def _folder(path):
    if not path:
        raise Mistake("--state-dir needs the name of a directory.")
    folder = Path(path).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"--state-dir cannot be used: {error}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Mistake(f"--state-dir '{folder}' cannot be written to.")
    return folder


def _check_free(host, port):
    """The board would find it out later, and try again and again."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise Mistake(f"--web {host}:{port} cannot be used: {error.strerror or error}.") from error


def _check_state(folder):
    """Check that the state of an earlier run is whole; anything else would end in the board's own error."""
    for name in ("flash.bin", "spare.bin"):
        file = folder / name
        if file.exists() and (not file.is_file() or file.stat().st_size == 0 or file.stat().st_size % _FLASH_BLOCK):
            raise Mistake(f"--state-dir '{folder}' holds no unit's state: {name} is no flash image. Take an empty directory.")
    file = folder / "nvs.json"
    try:
        if file.exists() and not isinstance(json.loads(file.read_text()), dict):
            raise ValueError
    except (OSError, ValueError) as error:
        raise Mistake(f"--state-dir '{folder}' holds no unit's state: nvs.json cannot be read. Take an empty directory."
                      ) from error


def warnings(launch):
    """Sentences about a command line that is right and will disappoint."""
    parts = urlsplit(launch["csms"] or "")
    if parts.scheme == "ws" and not launch["lab"] and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return [f"{launch['csms']} is not encrypted: only a laboratory unit (--lab) connects to it."]
    return []


# Of the simulator's options those that a fleet has itself, with its own names.
_OF_THE_FLEET = {"--csms": "--csms", "--identity": "--prefix", "--state-dir": "--state-dir", "--time-scale": "--time-scale",
                 "--seed": "--seed"}


def is_fleet(words):
    """True when --count asks for several chargers."""
    return any(word.partition("=")[0] == "--count" for word in words)


def of_a_fleet(words):
    """(count, words of tools/fleet.py, words for each charger) of a command line with --count."""
    parser = _Parser(prog="simulate.py", allow_abbrev=False, add_help=False)
    for name in ("--count", "--control", *_OF_THE_FLEET):
        parser.add_argument(name)
    parser.add_argument("--lab", action="store_true")
    given, rest = parser.parse_known_args(words)
    if given.control is not None:
        raise Mistake("--count gives each charger a control port of its own, in DIR/ID/control: leave --control away.")
    ours = ["--lab"] if given.lab else []
    for name, theirs in _OF_THE_FLEET.items():
        value = getattr(given, name[2:].replace("-", "_"))
        if value is not None:
            ours += [theirs, value]
    return given.count, ours, rest


def _check(given):
    """Mistake for a command line that contradicts itself or names a file that is none."""
    _check_numbers(given)
    _check_identity(given.identity, given.security_profile)
    if (given.client_cert is None) != (given.client_key is None):
        raise Mistake("--client-cert and --client-key belong together.")
    if given.web is not None:
        _check_free(*address(given.web, "--web"))
    for option, path in (("--romfs", given.romfs), ("--frozen", given.frozen)):
        if path is not None and not Path(path).is_file():
            raise Mistake(f"{option} '{path}' is no file.")
    if given.romfs is not None and not Path(given.romfs).read_bytes().startswith(_ROMFS):
        raise Mistake(f"--romfs '{given.romfs}' is no ROMFS image.")
    if given.frozen is not None and given.romfs is not None:
        raise Mistake("Give --frozen or --romfs, not both.")
    if given.frozen is not None and given.word != 32:
        raise Mistake("--frozen goes with --word 32.")
    _check_board(given)


def _unit_of(given):
    """The part of the launch configuration that says what the unit is."""
    settings = factory_settings(given.set)
    settings.setdefault("Country", "none")  # a unit as sold has GB; --set Country=GB asks for its hours and delays
    settings.setdefault("PowerOnRandomRange", "0")  # a unit as sold has 10; --set PowerOnRandomRange=10 spreads a storm
    return {
        "board": given.board,
        "connectors": given.connectors,
        "csms": None if given.csms is None else back_end_url(given.csms, "--csms"),
        "csms_secure": None if given.csms_secure is None else _url(given.csms_secure, ("wss",), "--csms-secure"),
        "identity": given.identity,
        "security_profile": given.security_profile,
        "basic_auth_password": _password(given),
        "ca": _pem(given.ca, "--ca", "CERTIFICATE"),
        "client_cert": _pem(given.client_cert, "--client-cert", "CERTIFICATE"),
        "client_key": _pem(given.client_key, "--client-key", "PRIVATE KEY"),
        "web": given.web,
        "serial_line": None if given.serial_line is None else str(Path(given.serial_line).absolute()),
        "mqtt": _broker(given),
        "mqtt_ca": _pem(given.mqtt_ca, "--mqtt-ca", "CERTIFICATE"),
        "mqtt_password": _broker_password(given),
        "lab": given.lab,
        "update_keys": [_point(path) for path in given.update_key],
        "update_hosts": given.update_host,
        "update_ca": _pem(given.update_ca, "--update-ca", "CERTIFICATE"),
        "update_url": None if given.update_url is None else _url(given.update_url, ("https",), "--update-url"),
        "set": settings,
    }


def _run_of(given):
    """The part that says how it runs."""
    return {
        "seed": given.seed,
        "time_scale": given.time_scale,
        "pace": _pace(given.pace),
        "flash_time": given.flash_time,
        "tls_heap": given.tls_heap,
        "trace": given.trace is not None,
        "word": given.word,
        "heap": given.heap,
        "romfs": None if given.romfs is None else str(Path(given.romfs).absolute()),
        "frozen": None if given.frozen is None else str(Path(given.frozen).absolute()),
    }


def parse(words):
    """(launch configuration for the board, state directory, control (host, port), trace); Mistake for anything wrong."""
    given = _parser().parse_args(words)
    _check(given)
    control = address(given.control, "--control")
    launch = {**_unit_of(given), **_run_of(given)}
    folder = _folder(given.state_dir)
    _check_state(folder)
    launch["state_dir"] = str(folder)
    return launch, folder, control, given.trace
