"""A unit gets its credentials: what the factory's tool hands over goes into the vault, under a device key of its own.

No PIN is handed over, only what verifies it. Cut short anywhere the unit counts as not provisioned, and it is done again
from the start; store.seal() ends it. `store` is drivers/keystore.py's KeyStore.
"""

from binascii import unhexlify

from charger.access import pin, pin_throttle, roles
from charger.credentials.vault import Vault
from charger.errors import AlreadyProvisionedError
from charger.validate import check

KEY_BYTES = 32
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


def write(record: dict, files, store, again: bool = False) -> None:
    """Put everything where it belongs. Raises Invalid, AlreadyProvisionedError, OSError.

    again: a unit that has credentials gets new ones, all of them; the old ones cannot be read any more. Cut short, that
    goes on with the next record, asked for or not.
    A unit of before provisioning keeps its device key and what is in its vault.
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


def _entries(record) -> list:
    """(name, secret) of the vault; ValueError for what is no hexadecimal."""
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
