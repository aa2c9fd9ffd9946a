"""Provisioning: stores the credentials from the factory's tool in the vault, under a new device key.

The tool sends only verifiers of PINs. If it is interrupted, the unit counts as not provisioned and the procedure is
repeated; store.seal() completes it. `store` is the KeyStore of drivers/keystore.py.
"""

from binascii import unhexlify

from charger.access import pin, pin_throttle, roles
from charger.credentials.vault import Vault
from charger.errors import AlreadyProvisionedError
from charger.validate import check

_HEX32 = ("str", 64, 64)
_VERIFIER = ("strict", (("iterations", ("int", 1000, 10000000)), ("salt", ("str", 32, 32)), ("hash", _HEX32)))
RECORD = ("strict", (
    ("format", ("int", 1, 1)),
    ("serial", ("str", 25, 1)),
    ("device_key", _HEX32),
    ("pins", ("strict", ((roles.OWNER, _VERIFIER), (roles.INSTALLER, _VERIFIER)))),
    ("ocpp_password", ("str", 20, 16)),
    ("setup_ssid", ("str", 32, 1)),
    ("setup_password", ("str", 63, 8)),
    ("web_key", ("str", 1000, 64)),  # DER, in hexadecimal, as is the certificate
    ("web_certificate", ("str", 4000, 64)),
))  # fmt: skip


def write(record: dict, files: Files, store: Any, again: bool = False) -> None:
    """Store the credentials. InvalidValueError, AlreadyProvisionedError, OSError.

    again: replace all credentials of a provisioned unit; the old ones become unreadable. After an interruption the next
    record continues this, with or without `again`.
    A unit from before provisioning existed keeps its device key and vault.
    """
    check(RECORD, record)
    entries = _entries(record)
    new_key = unhexlify(record["device_key"])
    if store.provisioned() and not again:
        raise AlreadyProvisionedError()
    again = again or store.renewing()
    store.unseal(again)
    key = None if again else store.key()
    if key is None:
        files.delete_folder("vault")
        key = new_key
        store.begin_change(key)
        store.end_change()
    vault = Vault(files, key)
    if vault.broken:
        raise OSError("the vault is broken")
    for name in vault.names():
        if name.startswith("pin/"):
            vault.delete(name)
    for name, secret in entries:
        vault.put(name, secret)
    files.write("setup_ssid", record["setup_ssid"].encode())
    pin_throttle.begin(files, len(roles.ROLES))


def _entries(record: dict) -> list:
    """Yield (name, secret) for the vault; ValueError for invalid hexadecimal."""
    entries = []
    for role, verifier in record["pins"].items():
        form = pin.form(verifier["iterations"], unhexlify(verifier["salt"]), unhexlify(verifier["hash"]))
        entries.append(("label/" + role, form))
    entries.append(("label/ocpp", record["ocpp_password"].encode()))
    entries.append(("setup/password", record["setup_password"].encode()))
    for name in ("serial", "ocpp_password", "setup_ssid", "setup_password"):
        if len(record[name].encode()) != len(record[name]):
            raise ValueError(name + ": ASCII alone")
    for name in ("key", "certificate"):
        der = unhexlify(record["web_" + name])
        if der[0] != 0x30:
            raise ValueError("web_%s: no DER" % name)
        entries.append(("web/" + name, der))
    return entries
