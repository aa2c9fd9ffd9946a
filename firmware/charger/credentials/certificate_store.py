"""The certificates on flash: roots that were installed, and the unit's own certificate (WP-15 to 23).

This module has what a connection needs; root_store.py changes and lists roots. A root is one file,
"roots/<kind><number>", PEM; a higher number is newer. A root that is not self-signed has a second file "<name>.key" with
its issuer's public key, needed for its hash data (WP-22). Every change is one file, so a power cut leaves no partial one.

Roots of the factory count as installed. They cannot be deleted, so a list has the deleted ones.

The unit's own certificate: chain in a file, key in the vault; during a trial there is a second pair.
"""

from charger import clock, log
from charger.runtime import cooperative, memory

CENTRAL_SYSTEM = "CentralSystemRootCertificate"
MANUFACTURER = "ManufacturerRootCertificate"
KINDS = {CENTRAL_SYSTEM: "c", MANUFACTURER: "m"}
CHAIN, NEXT_CHAIN = "ocpp_client.pem", "ocpp_next.pem"
KEY, NEXT_KEY = "ocpp/client-key", "ocpp/next-key"
_FOLDER = "roots"
_GONE = "roots_gone.json"

# Causes of a failed connection that mean the back end's certificate does not match the roots (WP-20).
_BAD = ("untrusted", "expired", "certificate", "proof")


def load_checks() -> Iterator:
    """A generator of slices that imports what checks certificates: at once it takes an ESP32 25 ms."""
    from charger.crypto import ec  # noqa: F401 - memory.unload() unloads it (CERTIFICATES)

    yield
    from charger.crypto import x509  # noqa: F401 - memory.unload() unloads it

    yield
    from charger.crypto import path_validation, pem  # noqa: F401 - memory.unload() unloads them

    yield


class CertificateStore:
    """`factory` has the factory's ca, client_cert, client_key (PEM or None).

    use_link() gives it the connection to the back end, whose server's root cannot be deleted.
    """

    def __init__(self, files: Files, config: Configuration, on_event: Callable | None = None, vault: Vault | None = None,
                 factory: dict | None = None):
        self.files = files
        self.config = config
        self.vault = vault
        self._link = None
        self.note = on_event or (lambda event, info: None)
        self._factory = factory or {}
        self._on_fallback = False  # the next attempt uses the roots before the newest (WP-20)
        self.trying = False  # the link uses the certificate on trial
        for name in self.files.names(_FOLDER):
            if name.endswith(".key") and not self.files.exists(_FOLDER + "/" + name[:-4]):
                self.files.delete(_FOLDER + "/" + name)  # the power failed between the two writes

    def use_link(self, link: Any) -> None:
        """`link.peer_certificate()` returns the certificate (DER) of the connected server, or None."""
        self._link = link

    def peer(self) -> bytes | None:
        """Return the certificate (DER) of the connected server, None without a TLS connection."""
        return None if self._link is None else self._link.peer_certificate()

    # --- roots, as files ---

    def names(self, kind: str) -> list:
        """Return the file names of the installed roots, oldest first."""
        letter = KINDS[kind]
        return [_FOLDER + "/" + n for n in self.files.names(_FOLDER) if n[0] == letter and not n.endswith(".key")]

    def factory_roots(self, kind: str):
        """Return the factory's roots: PEM text of one or several, or None."""
        return self._factory.get("ca") if kind == CENTRAL_SYSTEM else None

    def deleted_factory_roots(self) -> list:
        """Return the SHA-256 (hex) of deleted factory roots."""
        deleted_factory_roots = self.files.read_json(_GONE, [])
        return deleted_factory_roots if isinstance(deleted_factory_roots, list) else []

    def roots(self, kind: str) -> bytes | None:
        """Return all installed roots of a kind as PEM; None when there is none."""
        parts = self._factory_parts(kind) + [self.files.read(name) for name in self.names(kind)]
        return b"\n".join([part for part in parts if part]) or None

    def link_roots(self) -> bytes | None:
        """The roots to believe in the next attempt to connect: all, or under AdditionalRootCertificateCheck the newest
        alone, and those before it when that one did not fit (WP-20)."""
        names = self.names(CENTRAL_SYSTEM)
        if not self.checks or not names:
            return self.roots(CENTRAL_SYSTEM)
        if not self._on_fallback:
            return self.files.read(names[-1])
        parts = self._factory_parts(CENTRAL_SYSTEM) + [self.files.read(name) for name in names[:-1]]
        return b"\n".join([part for part in parts if part]) or self.files.read(names[-1])

    @property
    def checks(self) -> bool:
        """AdditionalRootCertificateCheck."""
        return self.config.get_bool("AdditionalRootCertificateCheck")

    def _factory_parts(self, kind: str) -> list:
        text = self.factory_roots(kind)
        if not text:
            return []
        if not self.deleted_factory_roots():
            return [text.encode()]
        from charger.credentials import root_store  # memory.unload() unloads it, with what it imports (CERTIFICATES)

        left = [pem.encode() for pem, _ in root_store.factory_left(self, kind)]
        memory.unload(memory.CERTIFICATES)
        return left

    # --- events of the link ---

    def connected(self) -> None:
        """A TLS connection was made: under AdditionalRootCertificateCheck the newest root is confirmed."""
        if self.checks and not self._on_fallback and self.names(CENTRAL_SYSTEM):
            from charger.credentials import root_store  # memory.unload() unloads it below

            root_store.keep_newest(self)
            memory.unload(memory.CERTIFICATES)

    def failed(self, cause: str) -> None:
        """An attempt failed: after a refused server certificate the next one uses the other roots."""
        if self.checks and cause in _BAD and self.names(CENTRAL_SYSTEM):
            self._on_fallback = not self._on_fallback

    # --- roots, by OCPP messages ---

    async def install(self, kind: str, text: str) -> str:
        """Install a root: Accepted; Rejected if invalid, present already or the store is full; Failed by the flash (WP-19)."""
        await cooperative.run(load_checks())
        from charger.credentials import root_store  # memory.unload() unloads it, with what it imports (CERTIFICATES)

        await clock.sleep_ms(0)
        try:
            return await root_store.install(self, kind, text)
        except OSError as error:  # the flash cannot be read, so the installed roots are unknown
            log.error("certificates", "root not installed: " + log.reason(error))
            return "Failed"
        finally:
            memory.unload(memory.CERTIFICATES)

    async def delete(self, wanted: dict) -> str:
        """Delete a root: Accepted, NotFound, or Failed for one in use (WP-23)."""
        await cooperative.run(load_checks())
        from charger.credentials import root_store  # memory.unload() unloads it, with what it imports (CERTIFICATES)

        try:
            return await root_store.delete(self, wanted)
        except OSError as error:
            log.error("certificates", "root not deleted: " + log.reason(error))
            return "Failed"
        finally:
            memory.unload(memory.CERTIFICATES)

    async def installed(self, kind: str) -> list:
        """Return the hash data of all roots of a kind (WP-21, 22)."""
        await cooperative.run(load_checks())
        from charger.credentials import root_store  # memory.unload() unloads it, with what it imports (CERTIFICATES)

        try:
            return await root_store.installed(self, kind)
        finally:
            memory.unload(memory.CERTIFICATES)

    # --- the unit's own certificate ---

    def client_chain(self):
        """Return the client certificate chain, leaf first, PEM; None without one."""
        if self.trying:
            return self.files.read(NEXT_CHAIN)
        return self.files.read(CHAIN) or self._factory.get("client_cert")

    def client_key(self):
        """Return its key: DER if generated by the unit, PEM if the factory's."""
        if self.vault is not None:
            if self.trying:
                return self.vault.get(NEXT_KEY)
            if self.files.read(CHAIN) is not None:  # a damaged chain counts as absent, as in client_chain()
                return self.vault.get(KEY)
        return self._factory.get("client_key")

    def has_next(self) -> bool:
        """True when a new certificate is stored for a trial."""
        return self.files.exists(NEXT_CHAIN)

    def promote(self) -> Iterator:
        """Replace the old certificate by the new one: a generator that yields between flash writes.

        It may be interrupted anywhere and repeated.
        """
        if self.has_next():
            key = self.vault.get(NEXT_KEY)  # type: ignore[union-attr] - a new chain is only taken with a vault
            chain = self.files.read(NEXT_CHAIN)
            if key is None or chain is None:
                self.drop_next()
                return
            self.vault.put(KEY, key)  # type: ignore[union-attr]
            yield
            self.files.write(CHAIN, chain)
            yield
            self.trying = False
            self.files.delete(NEXT_CHAIN)
            yield
        self.trying = False
        if self.vault is not None:
            self.vault.delete(NEXT_KEY)

    def drop_next(self) -> None:
        """Delete the new certificate and its key."""
        self.trying = False
        self.files.delete(NEXT_CHAIN)
        if self.vault is not None:
            self.vault.delete(NEXT_KEY)
        log.info("certificates", "the new certificate is dropped")

    def refused(self, event: str, why: str) -> str:
        """Add the event of a refused certificate; return the status of the answer."""
        log.warn("certificates", why)
        self.note(event, why)
        return "Rejected"
