"""Installing, deleting and listing root certificates (WP-19 to 23), imported by certificate_store.py when needed."""

import hashlib

from charger import clock, log
from charger.audit import events
from charger.credentials import certificate_store
from charger.credentials.certificate_store import CENTRAL_SYSTEM, KINDS
from charger.crypto import der, path_validation, pem, x509
from charger.errors import CryptoError
from charger.runtime import cooperative

_LAST_NUMBER = 9999


class _Root:
    """One root: `name` is its file, None for a factory root; `bits` the key that signed it, as x509.hash_data() reads it."""

    def __init__(self, store: CertificateStore, name: str | None, encoded: bytes):
        self.name = name
        self.certificate = x509.parse(encoded)
        own = self.certificate.key.bits
        self.key = self
        self.bits = own if name is None else store.files.read(name + ".key") or own

    def hash_data(self, algorithm: str) -> Steps:
        """Generator: the CertificateHashData. The key that signed a root may be known only from its installation."""
        return (yield from x509.hash_data(self.certificate, self, algorithm))  # type: ignore[arg-type] - all it reads


def factory_left(store: CertificateStore, kind: str) -> list:
    """Yield (PEM, DER) of the factory's roots that were not deleted."""
    text = store.factory_roots(kind)
    if not text:
        return []
    deleted_factory_roots = store.deleted_factory_roots()
    try:
        found = pem.decode(text, max_chars=len(text))
    except CryptoError as error:
        log.warn("certificates", "roots of the factory: %s" % error)
        return []
    return [(pem.encode(one), one) for one in found if _fingerprint(one) not in deleted_factory_roots]


def _fingerprint(encoded: bytes) -> str:
    return hashlib.sha256(encoded).digest().hex()


def _all(store: Any, kind: str) -> list:
    """Yield the roots of a kind, factory roots first, the newest last; unreadable ones are skipped."""
    found = []
    encodings = [(None, encoded) for _, encoded in factory_left(store, kind)]
    encodings += [(name, None) for name in store.names(kind)]
    for name, encoded in encodings:
        try:
            content = store.files.read(name) if encoded is None else None
            if encoded or content:
                found.append(_Root(store, name, encoded or pem.decode(content.decode())[0]))
        except (CryptoError, ValueError) as error:
            log.warn("certificates", "a root cannot be read: %s" % error)
    return found


# --- installing ---


async def install(store: CertificateStore, kind: str, text: str) -> str:
    """See CertificateStore.install()."""
    bad = events.INVALID_BACK_END_CERTIFICATE if kind == CENTRAL_SYSTEM else events.INVALID_SIGNING_CERTIFICATE
    try:
        encodings = await cooperative.run(pem.decoding(text))
        if len(encodings) != 1:
            return store.refused(bad, "%d certificates in one message" % len(encodings))
        root = x509.parse(encodings[0])
        present = _all(store, kind)
        why, signer = await _check(store, kind, root, present)
    except CryptoError as error:
        await clock.sleep_ms(0)
        return store.refused(bad, "not installed, %s" % error)
    if why:
        return store.refused(events.CERTIFICATE_REFUSED, why)
    try:
        _write(store, kind, root, signer)
    except OSError as error:
        log.error("certificates", "root not written: " + log.reason(error))
        return "Failed"
    store.note(events.CERTIFICATE_INSTALLED, "%s, serial %s" % (kind, root.serial_hex()))
    return "Accepted"


async def _check(store: CertificateStore, kind: str, root: Any, present: list) -> tuple:
    """Check a new root: (reason of refusal or '', the root that signed it or None for itself). CryptoError if invalid."""
    if any(other.certificate.der == root.der for other in present):
        return "installed already", None
    others = sum([len(_all(store, other)) for other in KINDS if other != kind])
    if len(present) + others >= store.config.get_int("CertificateStoreMaxLength"):
        return "the store is full", None
    if kind != CENTRAL_SYSTEM or not store.checks or not present:
        await cooperative.run(path_validation.check_root(root, clock.utc_s()))
        return "", None
    if len(store.names(kind)) > 1 or (store.names(kind) and factory_left(store, kind)):
        return "the previous root is not confirmed yet", None  # one, and a fallback for a time (WP-20)
    error = None
    for signer in reversed(present):
        try:
            await cooperative.run(path_validation.check_root(root, clock.utc_s(), signer.certificate))
            return "", signer.certificate
        except CryptoError as found:
            error = error or found
    raise error  # type: ignore[misc] - of the newest root: there is at least one


def _write(store: CertificateStore, kind: str, root: Any, signer: Any) -> None:
    """Write the issuer's key first: without its certificate it is removed at the next start, or by the next root."""
    name = _file_name(KINDS[kind], _free_number(store, kind))
    if signer is not None and signer.key.bits != root.key.bits:
        store.files.write(name + ".key", signer.key.bits)
    else:
        store.files.delete(name + ".key")  # left by a failed attempt; this root would get another's issuer
    store.files.write(name, pem.encode(root.der).encode())


def _file_name(letter: str, number: int) -> str:
    return "roots/%s%04d" % (letter, number)


def _free_number(store: CertificateStore, kind: str) -> int:
    """Return the number after the newest. At the end of the range the roots are moved to the first numbers, oldest
    first, each copied before it is deleted."""
    names = store.names(kind)
    number = int(names[-1][-4:]) + 1 if names else 1
    if number <= _LAST_NUMBER:
        return number
    for number, name in enumerate(names, 1):
        place = _file_name(KINDS[kind], number)
        if place != name:
            for end in (".key", ""):
                content = store.files.read(name + end) if store.files.exists(name + end) else None
                if content is not None:
                    store.files.write(place + end, content)
            store.files.delete(name)
            store.files.delete(name + ".key")
    return len(names) + 1


# --- listing and deleting ---


async def installed(store: CertificateStore, kind: str) -> list:
    """See CertificateStore.installed()."""
    found = []
    for root in _all(store, kind):
        found.append(await cooperative.run(root.hash_data("SHA256")))
    return found


async def delete(store: CertificateStore, wanted: dict) -> str:
    """See CertificateStore.delete()."""
    for kind in KINDS:
        present = _all(store, kind)
        for root in present:
            if not _same(await cooperative.run(root.hash_data(wanted["hashAlgorithm"])), wanted):
                continue
            if kind == CENTRAL_SYSTEM and _in_use(store, root, present):
                log.warn("certificates", "this root is in use")
                return "Failed"
            try:
                _remove(store, root)
            except OSError as error:
                log.error("certificates", "root not deleted: " + log.reason(error))
                return "Failed"
            store.note(events.CERTIFICATE_DELETED, "%s, serial %s" % (kind, root.certificate.serial_hex()))
            return "Accepted"
    return "Failed" if await _is_own(store, wanted) else "NotFound"


def _same(have: dict, wanted: dict) -> bool:
    return (
        have["issuerNameHash"] == wanted["issuerNameHash"].lower()
        and have["issuerKeyHash"] == wanted["issuerKeyHash"].lower()
        and have["serialNumber"] == (wanted["serialNumber"].lower().lstrip("0") or "0")
    )


async def _is_own(store: CertificateStore, wanted: dict) -> bool:
    """True when hash data identify the unit's own certificate, by name and serial number; it cannot be deleted (WP-23)."""
    own = store.client_chain()
    if not own:
        return False
    try:
        text = own if isinstance(own, str) else own.decode()
        leaf = x509.parse(pem.decode(text, max_chars=len(text))[0])
        have = await cooperative.run(x509.hash_data(leaf, leaf, wanted["hashAlgorithm"]))
    except CryptoError:
        return False
    have["issuerKeyHash"] = wanted["issuerKeyHash"].lower()
    return _same(have, wanted)


def _in_use(store: CertificateStore, root: Any, present: list) -> bool:
    """True when the present or the next connection needs this root.

    mbedtls does not report the root it used, and of the server's certificates it shows only the leaf. If a root issued the
    leaf, it is that root. If a sub-CA did, any root of the kind may be it, so the last one is kept.
    """
    secure = store.config.get_int("SecurityProfile") >= 2
    if secure and len(present) == 1:
        return True
    leaf = store.peer()
    if not secure or leaf is None:
        return False
    issuer = _issuer_of(leaf)
    return issuer == root.certificate.subject and not any(
        other is not root and other.certificate.subject == issuer and other.certificate.key.bits == root.certificate.key.bits
        for other in present
    )


def _issuer_of(encoded: bytes) -> bytes:
    """The issuer's name in a certificate, DER."""
    tbs = der.DerReader(encoded).enter().enter()
    if tbs.next_is(0xA0):
        tbs.span(0xA0)
    tbs.span()  # serial number
    tbs.span()  # algorithm
    return tbs.element(der.SEQUENCE)


def _remove(store: CertificateStore, root: Any) -> None:
    if root.name is None:
        deleted_factory_roots = store.deleted_factory_roots()
        deleted_factory_roots.append(_fingerprint(root.certificate.der))
        store.files.write_json(certificate_store._GONE, deleted_factory_roots)
        return
    store.files.delete(root.name)
    store.files.delete(root.name + ".key")


def keep_newest(store: CertificateStore) -> None:
    """Delete the older roots after the newest one has made a connection (WP-20)."""
    for root in _all(store, CENTRAL_SYSTEM)[:-1]:
        try:
            _remove(store, root)
        except OSError as error:
            log.error("certificates", "old root not deleted: " + log.reason(error))
            return
        store.note(events.CERTIFICATE_DELETED, "replaced, serial " + root.certificate.serial_hex())
