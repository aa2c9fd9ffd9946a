"""The unit's own certificate: requests for it, the answers, and its renewal in time (WP-15 to 18).

A request generates a key pair, stored in the vault as "ocpp/next-key"; the private key never leaves the unit. The new
certificate is tried on a new connection; if that fails, the previous one is restored (ocpp/transport/credential_trial.py).

Renewal: 30 days before the end, or for a validity below 90 days when a third of it is left; a random part of up to a
tenth of that time earlier, so that units do not renew all at once. A failed request is repeated after a quarter of that
time, at least an hour, at most a day (WP-16).
"""

import asyncio
import gc
import os

from micropython import const

from charger import clock, log
from charger.audit import events
from charger.credentials.certificate_store import CENTRAL_SYSTEM, NEXT_CHAIN, NEXT_KEY
from charger.crypto.refusals import NAME, UNTRUSTED
from charger.errors import CryptoError
from charger.runtime import cooperative, memory

_LEAST_LEFT_S = const(2592000)  # 30 days
_LOOK_S = const(30)
_AGAIN_MOST_S = const(86400)
_AGAIN_LEAST_S = const(3600)
_AHEAD_S = const(2592000)  # a certificate's validity may begin so much later
_SIGNING_S = const(600)  # time-out of a request; then another one may be made
_DAY_S = const(86400)


class CertificateRenewal:
    """reconnect() reconnects with changed settings after the answer to the current CALL."""

    def __init__(self, config: Configuration, store: CertificateStore, settings: ConnectionSettings, post_call: Callable,
                 ready: Callable, reconnect: Callable) -> None:  # fmt: skip
        self._config = config
        self._store = store
        self._settings = settings
        self._post_call = post_call
        self._ready = ready
        self._reconnect = reconnect
        self._owed = False  # a triggered request was lost with the link
        self._busy_until_s = 0  # uptime until which a request is pending
        self._making = False  # a key pair is being generated
        self._checking = False  # a certificate is being checked
        self._warned_s = None  # when the last warning was logged
        self._look_at_s = 0
        self._again_at_s = 0
        self._chance = int.from_bytes(os.urandom(2), "big")  # of 65,536

    # --- request ---

    def may_renew(self) -> bool:
        """True when a request is possible: CpoName is set, the vault is ready, and no request is pending (WP-15)."""
        vault = self._store.vault
        if self._under_way or self._checking or self._store.has_next() or vault is None or not vault.ready:
            return False
        return bool(self._config.get_str("CpoName"))

    @property
    def _under_way(self) -> bool:
        """True while a request is pending; it ends by a time-out without an answer or certificate."""
        return clock.uptime_s() < self._busy_until_s

    def renew(self, triggered: bool = False) -> None:
        """Generate a key pair and request its certificate; a triggered request is sent before registration, too (WP-46)."""
        if self.may_renew():
            self._owed = False
            self._busy_until_s = clock.uptime_s() + _SIGNING_S
            self._making = True
            asyncio.create_task(self._request(triggered))  # noqa: RUF006 - MicroPython's scheduler holds its tasks

    def trigger(self) -> None:
        """ExtendedTriggerMessage(SignChargePointCertificate)."""
        self.renew(True)

    async def _request(self, triggered: bool) -> None:
        try:
            request = await self._make_request()
        except (OSError, CryptoError, MemoryError) as error:
            log.error("certificates", "no request: " + log.reason(error))
            self._busy_until_s = 0
        else:
            failed = self._lost if triggered else self._unanswered
            self._post_call("SignCertificate", {"csr": request}, triggered, failed, self._answered)
        finally:
            self._making = False
            memory.unload(memory.CERTIFICATES)

    async def _make_request(self) -> str:
        from charger.crypto import csr, ec, keys, pem  # memory.unload() unloads them (CERTIFICATES)

        d, public = await cooperative.run(ec.generate_key())
        encoded = await cooperative.run(csr.create(d, public, self._settings.identity, self._config.get_str("CpoName")))
        self._store.vault.put(NEXT_KEY, keys.encode_private_key(d, public))
        return pem.encode(encoded, "CERTIFICATE REQUEST")

    def _unanswered(self) -> None:
        self._busy_until_s = 0

    def _lost(self) -> None:
        """A triggered request was lost with the link: repeat it on the next link."""
        self._unanswered()
        self._owed = not self._ready()

    def _answered(self, answer: dict) -> None:
        if answer.get("status") == "Accepted":
            log.info("certificates", "certificate requested")
            return
        self._busy_until_s = 0
        log.warn("certificates", "the request for a certificate was refused")
        try:
            self._store.vault.delete(NEXT_KEY)
        except OSError as error:
            log.error("certificates", log.reason(error))

    # --- the answer ---

    async def signed(self, text: str) -> str:
        """Check a certificate and store it for begin(); return Accepted or Rejected (WP-17)."""
        store = self._store
        if len(text) > self._config.get_int("CertificateSignedMaxChainSize"):
            return store.refused(events.INVALID_OWN_CERTIFICATE, "chain too long")
        if store.trying or store.vault is None:
            return store.refused(events.INVALID_OWN_CERTIFICATE, "another one is on trial")
        if self._making or self._checking:
            return store.refused(events.INVALID_OWN_CERTIFICATE, "a new key is being generated, or a certificate checked")
        self._checking = True
        try:
            await clock.sleep_ms(0)
            gc.collect()  # the chain needs a block of some KiB
            await clock.sleep_ms(0)
            chain = await self._check(text)
            store.files.write(NEXT_CHAIN, chain)
        except CryptoError as error:
            return store.refused(events.INVALID_OWN_CERTIFICATE, str(error))
        except (OSError, MemoryError) as error:
            log.error("certificates", "not kept: " + log.reason(error))
            return "Rejected"
        finally:
            self._checking = False
            self._busy_until_s = 0  # the request is answered
            memory.unload(memory.CERTIFICATES)
        return "Accepted"

    async def _check(self, text: str) -> bytes:
        """Check the chain; return it as PEM for storage. CryptoError for the first fault."""
        from charger.crypto import keys, path_validation, pem, x509  # memory.unload() unloads them (CERTIFICATES)

        await clock.sleep_ms(0)
        pending = self._store.vault.get(NEXT_KEY)
        if pending is None:
            raise CryptoError(UNTRUSTED, "no certificate was requested")
        encoded = await cooperative.run(pem.decoding(text, max_chars=len(text)))
        certificates = []
        for one in encoded:
            certificates.append(x509.parse(one))
            await clock.sleep_ms(0)
        leaf = certificates[0]
        if leaf.key.bits != keys.decode_private_key(pending)[1]:
            raise CryptoError(UNTRUSTED, "not for the requested key")
        if leaf.subject_cn != self._settings.identity or leaf.subject_o != self._config.get_str("CpoName"):
            raise CryptoError(NAME, "not for this charge point")  # WP-8
        now = clock.utc_s()
        if now is not None and now < leaf.not_before_s <= now + _AHEAD_S:
            now = leaf.not_before_s  # it is used when its validity begins (WP-18)
        roots = []
        known = (self._store.roots(CENTRAL_SYSTEM) or b"").decode()
        for one in await cooperative.run(pem.decoding(known, max_chars=len(known))) if known else ():
            await clock.sleep_ms(0)
            try:
                roots.append(x509.parse(one))
            except CryptoError as error:
                log.warn("certificates", "a root cannot be read: %s" % error)
        await cooperative.run(path_validation.check_chain(certificates, roots, now, x509.CLIENT_AUTH))
        return "".join([pem.encode(one) for one in encoded]).encode()

    async def begin(self) -> None:
        """Use the new certificate: at once if the connection needs none, else from the next connection."""
        store = self._store
        if not store.has_next() or store.trying:
            return
        if self._config.get_int("SecurityProfile") != 3:
            await cooperative.run(store.promote())
            store.note(events.CERTIFICATE_INSTALLED, "charge point certificate")
        elif self._has_begun(store.files.read(NEXT_CHAIN)):  # else second() retries
            self._settings.change().begin_certificate()
            await self._reconnect()

    def _has_begun(self, chain: Any) -> bool:
        now, validity = clock.utc_s(), self._validity_of(chain)
        return now is not None and validity is not None and now >= validity[0]

    # --- renewal ---

    def second(self) -> None:
        """Begin a trial or a renewal when due; called once a second."""
        now_s = clock.uptime_s()
        if now_s < self._look_at_s or self._under_way:
            return
        self._look_at_s = now_s + _LOOK_S
        if self._owed and self._ready():
            self.renew(True)
        elif self._store.has_next():
            if not self._store.trying and self._ready():
                asyncio.create_task(self.begin())  # noqa: RUF006 - MicroPython's scheduler holds its tasks
        elif now_s >= self._again_at_s and self._ready() and self._is_due():
            self.renew()

    def _is_due(self) -> bool:
        """True when the certificate is due for renewal and a request is possible."""
        now = clock.utc_s()
        validity = self._validity_of(self._store.client_chain())
        if now is None or validity is None:
            return False
        left_s = min(_LEAST_LEFT_S, (validity[1] - validity[0]) // 3)
        if now < validity[1] - left_s - left_s * self._chance // 655360:
            return False
        if not self.may_renew():
            self._warn()
            return False
        self._again_at_s = clock.uptime_s() + max(_AGAIN_LEAST_S, min(_AGAIN_MOST_S, left_s // 4))
        return True

    def _warn(self) -> None:
        """Warn of an expiring certificate that cannot be renewed: a log line each day, one event."""
        now_s = clock.uptime_s()
        if self._config.get_str("CpoName") or (self._warned_s is not None and now_s - self._warned_s < _DAY_S):
            return
        log.warn("certificates", "own certificate expires and cannot be renewed without a CpoName")
        if self._warned_s is None:
            self._store.note(events.INVALID_OWN_CERTIFICATE, "expires, cannot be renewed without a CpoName")
        self._warned_s = now_s

    def _validity_of(self, chain: Any):
        """(from, to) of the first certificate of a chain, UTC seconds; None when it cannot be read."""
        if not chain:
            return None
        from charger.credentials import server_certificate  # memory.unload() unloads it below, with what it imports
        from charger.crypto import pem

        try:
            text = chain if isinstance(chain, str) else chain.decode()
            return server_certificate.validity(pem.decode(text, max_chars=len(text))[0])
        except (CryptoError, ValueError) as error:
            log.warn("certificates", "our own: %s" % error)
            return None
        finally:
            memory.unload(memory.CERTIFICATES)
