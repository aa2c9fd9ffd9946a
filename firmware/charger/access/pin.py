"""The PINs of owner, user and installer. The unit stores only a verifier of each PIN, never the PIN.

A verifier is version (1), iterations (4), salt (16) and PBKDF2-HMAC-SHA256 of the PIN (32), in the vault. "label/<role>"
is the factory's, "pin/<role>" the one chosen since, which has precedence; a factory reset deletes the latter, so that
the PIN on the label is valid again (SEC-3). A user has no PIN until the owner sets one. When the vault is damaged or the
unit was never provisioned no PIN is valid; there is no default.
"""

import asyncio
import os
import struct

from charger import log
from charger.access import roles
from charger.access.pin_rules import why_not
from charger.access.pin_throttle import KNOWN, STRANGERS, PinThrottle
from charger.audit import events
from charger.crypto.hmac import hmac_sha256, same
from charger.crypto.pbkdf2 import derive
from charger.runtime import cooperative

OK = "ok"
WRONG = "wrong"
WAIT = "wait"
REFUSED = "refused"

_FORM = "<BI16s32s"
_VERSION = 1
_LONGEST = 64  # longest input that is checked; a longer one is wrong
_DEVICES = "pin/devices"  # the key that authenticates known devices
_NONCE = 12


def form(iterations: int, salt: bytes, result: bytes) -> bytes:
    """Encode a verifier as stored in the vault."""
    return struct.pack(_FORM, _VERSION, iterations, salt, result)


async def _derived(pin: str, salt: bytes, iterations: int) -> bytes:
    """Compute a PIN's hash with a verifier's parameters, which takes half a second."""
    return await cooperative.run(derive(pin.encode(), salt, iterations))


class PinResult:
    """Result of a check. `ok` is True for the right PIN; `state` is

    OK       the right PIN; the client keeps `device` for its next checks: see Pins.check()
    WRONG    wrong; `wait_s` until the next attempt is admitted, 0 while attempts are free
    WAIT     not checked, because it came too early: `wait_s`
    REFUSED  no PIN is valid; `why` is the reason as a sentence (not provisioned, vault damaged, flash failed)
    """

    def __init__(self, state: str, wait_s: int = 0, why: str = "", device: str = ""):
        self.state = state
        self.ok = state == OK
        self.wait_s = wait_s
        self.why = why
        self.device = device


class Pins:
    """Checks and changes PINs. `waits` is the PinThrottle that all interfaces share.

    `changes` counts the changes of each role's PIN since the start: a login of before one is not valid any more.
    """

    def __init__(self, files: Files, vault: Vault, on_event: Callable, serial: str = "", provisioned: bool = True,
                 waits: Any | None = None):
        self._vault = vault
        self._on_event = on_event
        self._serial = serial
        self._provisioned = provisioned
        self._waits = waits or PinThrottle(files, len(roles.ROLES), on_event)
        self.changes: dict = dict.fromkeys(roles.ROLES, 0)

    @property
    def why_none(self) -> str:
        """Return why no PIN is valid, as a sentence; '' otherwise."""
        if not self._provisioned or not self._vault.ready:
            return "This unit is not provisioned."
        if self._vault.broken:
            return "This unit's credentials were altered; it must be provisioned again."
        return ""

    async def check(self, role: str, pin: str, surface: str = "page", device: str = "") -> PinResult:
        """Check a role's PIN. It takes half a second and lets the loop run meanwhile.

        role: "owner", "user" or "installer" (ValueError for anything else). pin: the input in any form; input that
        cannot be a PIN counts as a wrong one. surface: the interface, for the log. device: `device` of the client's last
        successful check, or '': a known client is throttled apart from unknown ones, so that strangers cannot lock it
        out. It grants no other right and becomes invalid when its role's PIN changes.

        Checks run one at a time, in order of arrival; the callers bound the number of waiting checks.
        """
        number = roles.ROLES.index(role)
        async with self._waits.lock:
            if self.why_none:
                return PinResult(REFUSED, why=self.why_none)
            lane = KNOWN if self.knows(device, role) else STRANGERS
            try:
                wait_s = self._waits.wait_s(lane, number)
                if wait_s:
                    self._waits.turned_away += 1
                    return PinResult(WAIT, wait_s)
                wait_s = self._waits.count(lane, number)  # before the check, so that no failure gives the attempt back
            except OSError as error:
                return PinResult(REFUSED, why="The flash cannot be written: %s." % log.reason(error))
            try:
                right = await self._matches(role, pin)
            except (asyncio.CancelledError, MemoryError):
                self._refuse(role, number, lane, surface + ", not answered", wait_s)
                raise
            if self._vault.broken:
                return PinResult(REFUSED, why=self.why_none)
            if right:
                return self._accept(role, number, lane, surface)
            return self._refuse(role, number, lane, surface, wait_s)

    def _accept(self, role: str, number: Any, lane: Any, surface: str) -> PinResult:
        device = ""
        try:
            self._waits.right(lane, number)
            device = self._new_device(role)
        except OSError as error:
            log.error("pin", "count not taken back: " + log.reason(error))
        self._on_event(events.PIN_ACCEPTED, "%s, %s%s" % (role, surface, self._told_away()))
        return PinResult(OK, device=device)

    def _refuse(self, role: str, number: Any, lane: Any, surface: str, wait_s: int) -> PinResult:
        text = "%s, %s, %d in a row%s" % (role, surface, self._waits.failures(lane, number), self._told_away())
        self._on_event(events.PIN_REFUSED, text)
        if wait_s:
            self._on_event(events.PIN_LOCKOUT, "%d s, %s" % (wait_s, "known devices" if lane == KNOWN else "all"))
        return PinResult(WRONG, wait_s)

    def _told_away(self) -> str:
        count, self._waits.turned_away = self._waits.turned_away, 0
        return ", %d rejected before" % count if count else ""

    # --- verifiers ---

    def _entry(self, role: str):
        names = self._vault.names()
        for name in ("pin/" + role, "label/" + role):
            if name in names:
                return name  # not the label's either when the chosen one is damaged
        return None

    async def _matches(self, role: str, pin: Any) -> bool:
        """Compare a PIN; takes the same time for every wrong PIN, also when the role has none."""
        name = self._entry(role)
        kept = self._vault.get(name or "label/" + roles.OWNER)
        try:
            version, iterations, salt, wanted = struct.unpack(_FORM, kept or b"")
        except ValueError:
            return False
        if not isinstance(pin, str) or len(pin) > _LONGEST:
            pin = ""
        got = await _derived(pin, salt, iterations)
        stands = self._entry(role) == name  # no factory reset in between
        return same(got, wanted) & (version == _VERSION) & (name is not None) & (pin != "") & stands

    async def change(self, by: str, role: str, pin: str, surface: str = "page") -> str:
        """Set a role's PIN; return '' or the reason for a refusal as a sentence. OSError by the flash.

        by: the role of the login. The caller must check() the current PIN first, to confirm the person.
        """
        if self.why_none:
            return self.why_none
        if not roles.may(by, "pin." + role):
            return "The %s may not change this PIN." % by
        fault = why_not(pin, self._serial)
        if fault:
            return fault
        async with self._waits.lock:  # no check of the old PIN ends after the change
            salt = os.urandom(16)
            try:
                _, iterations, _, _ = struct.unpack(_FORM, self._vault.get("label/" + roles.OWNER) or b"")
            except ValueError:
                return self.why_none or "This unit's credentials cannot be read."
            self._keep("pin/" + role, role, form(iterations, salt, await _derived(pin, salt, iterations)))
        self._on_event(events.PIN_CHANGED, "%s, by %s, %s" % (role, by, surface))
        return ""

    def _keep(self, name: str, role: str, verifier: bytes) -> None:
        """Store a verifier. A write that fails may have changed the PIN all the same; where it has not, logins stay valid."""
        before = self._vault.get(name)
        stands = False
        try:
            self._vault.put(name, verifier)
        except OSError:
            self._vault.reread()
            stands = self._vault.get(name) == before
            raise
        finally:
            if not stands:
                self.changes[role] += 1

    # --- known devices ---

    def _new_device(self, role: str) -> str:
        if _DEVICES not in self._vault.names():
            self._vault.put(_DEVICES, os.urandom(32))
        nonce = os.urandom(_NONCE)
        return nonce.hex() + self._sign(role, nonce).hex()  # invalid without the role's current verifier

    def knows(self, device: str, role: str) -> bool:
        """True for the `device` of a right PIN of this role, as it is since its last change."""
        if not isinstance(device, str) or len(device) != 2 * (_NONCE + 16) or _DEVICES not in self._vault.names():
            return False
        try:
            raw = bytes.fromhex(device)
        except ValueError:
            return False
        return same(self._sign(role, raw[:_NONCE]), raw[_NONCE:])

    def _sign(self, role: str, nonce: bytes) -> bytes:
        verifier = self._vault.get(self._entry(role) or "") or os.urandom(16)
        return hmac_sha256(self._vault.get(_DEVICES) or os.urandom(32), role.encode(), nonce, verifier)[:16]
