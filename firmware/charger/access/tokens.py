"""The owner's tokens: a client, as a script or Home Assistant, uses the rights of its token without a PIN (SEC-2, SEC-18).

The unit draws a token of 128 random bits and shows it once. The vault stores its hash; it also stores the token of Home
Assistant itself, because the discovery sends that at each connection to the broker. Tokens are personal data: an erasure
deletes them.
"""

import hashlib
import json
import os

from micropython import const

_IN_VAULT = "tokens"  # [[name, rights, hash, token or ""], ...]
_MOST = const(8)
_BYTES = const(16)
RIGHTS = ("status", "charge", "history", "schedule", "update")  # of access/roles.py, those that a token may have


class Client:
    """A program with a token: stands where a role does, with the rights that the owner named (roles.may()).

    It has no name in logs, which an erasure of personal data leaves (SEC-15).
    """

    def __init__(self, rights: list):
        self.rights = rights

    def __str__(self) -> str:
        return "client"


def kept(vault: Vault) -> list:
    """Return (name, rights, hash, token or "") of each token."""
    return json.loads(vault.get(_IN_VAULT) or b"[]")


def make(vault: Vault, name: str, rights: list, published: bool) -> str:
    """Keep a new token and return it; '' when there are too many or one has this name. OSError by the flash.

    published: for Home Assistant, by its discovery. There is one of that kind: a new one takes the place of the last.
    """
    entries = [entry for entry in kept(vault) if not (published and entry[3])]
    if len(entries) >= _MOST or any(entry[0] == name for entry in entries):
        return ""
    token = os.urandom(_BYTES).hex()
    entries.append([name, rights, _hash(token), token if published else ""])
    vault.put(_IN_VAULT, json.dumps(entries).encode())
    return token


def remove(vault: Vault, name: str) -> bool:
    """Revoke a token; False when none has this name. OSError by the flash."""
    entries = kept(vault)
    left = [entry for entry in entries if entry[0] != name]
    if left:
        vault.put(_IN_VAULT, json.dumps(left).encode())
    else:
        vault.delete(_IN_VAULT)
    return len(left) < len(entries)


def client_of(vault: Vault, token: str) -> Client | None:
    """Return the client that has this token. The time says nothing about a token: hashes are compared."""
    wanted = _hash(token)
    for _, rights, kept_hash, _ in kept(vault):
        if kept_hash == wanted:
            return Client(rights)
    return None


def published(vault: Vault, right: str) -> str:
    """Return the token that the discovery tells, '' when there is none with this right."""
    for _, rights, _, token in kept(vault):
        if token and right in rights:
            return token
    return ""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).digest().hex()
