"""A real board's board.py in the simulated world: --board NAME.

The port mounts the board's file system at /, so the host's files move to /host first and the simulated flash takes their
place; the `os` of boards/SIM/real hides /host. Nothing that the firmware writes can reach the host. The factory's file has
what the command line says of the unit. Only where the page listens, and whether the unit is a laboratory's, are facts of
this computer and not of the board.
"""

import json
import os
import sys

import vfs

from sim import flash, launch, slots

HOST = "/host"
_FACTORY_FILE = "/factory.json"
_CSMS = ("basic_auth_password", "ca", "client_cert", "client_key", "identity", "security_profile")
_facts = launch.config


def take_root() -> None:
    """Move the host's files to /host; `launch.config` and the search path follow."""
    vfs.mount(vfs.VfsPosix(), HOST)  # with a root of its own, rename() would mix up both names
    vfs.umount("/")
    launch.host_root = HOST
    sys.path[:] = [HOST + place if place[:1] == "/" else place for place in sys.path]
    for module in sys.modules.values():
        if hasattr(module, "__path__") and module.__path__[:1] == "/":
            module.__path__ = HOST + module.__path__
    for name in ("state_dir", "romfs"):
        if _facts[name] is not None:
            _facts[name] = HOST + _facts[name]


def mount() -> flash.Flash:
    """Mount the simulated flash at / and write the factory's file to it, before board.py is read."""
    folder = _facts["state_dir"]
    device = flash.mount(None if folder is None else folder + "/flash.bin", "/", power=slots.power)
    text = json.dumps(_factory_data())
    if not _same(text):
        with open(_FACTORY_FILE + ".new", "w") as file:
            file.write(text)
        os.rename(_FACTORY_FILE + ".new", _FACTORY_FILE)
    return device


def _same(text: str) -> bool:
    try:
        with open(_FACTORY_FILE) as file:
            return file.read() == text
    except OSError:
        return False


def adapt(board) -> None:
    """Set the page's port and whether this is a laboratory's unit; the number of outlets is the board's."""
    board.WEB = _facts["web"]
    board.SETUP_PORTS = launch.setup_ports()
    board.LAB = _facts["lab"]
    _facts["connectors"] = len(board.OUTLETS)


def _factory_data() -> dict:
    keys = {name: value for name, value in _facts["set"].items() if name not in launch.OURS}
    csms = {name: _facts[name] for name in _CSMS if _facts[name] is not None}
    if _facts["csms"] is not None:
        csms["url"] = _facts["csms"]
    if _facts["csms_secure"] is not None:
        csms["secure_url"] = _facts["csms_secure"]
    serial = _facts["set"].get("ChargeBoxSerialNumber") or _facts["serial"] or "SIM%05d" % _facts["seed"]
    data = {"serial": serial, "keys": keys, "csms": csms}
    if _facts["mqtt"]:
        broker = {"url": _facts["mqtt"], "password": _facts["mqtt_password"], "ca": _facts["mqtt_ca"]}
        data["mqtt"] = {name: value for name, value in broker.items() if value is not None}
    update = {"hosts": list(_facts["update_hosts"]), "keys": list(_facts["update_keys"])}
    for name, key in (("roots", "update_ca"), ("manifest_url", "update_url")):
        if _facts[key] is not None:
            update[name] = _facts[key]
    data["update"] = update
    return data
