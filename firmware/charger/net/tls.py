"""All outgoing TCP and TLS connections: connect and handshake within a deadline; certificate and name are always checked.

Verification cannot be switched off: without roots every server is untrusted. The exception's `cause` classifies the
failure, from which the security event follows (WP-7, WP-43).
"""

import asyncio
import socket
from errno import EALREADY, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINPROGRESS, ETIMEDOUT

import tls as mbedtls
from micropython import const

from charger import clock, log
from charger.crypto.refusals import EXPIRED, NOT_YET_VALID
from charger.errors import ConnectError, CryptoError, DnsError, StillClosedError, TlsError
from charger.net import dns
from charger.os_errors import is_out_of_memory
from charger.runtime import hold_ups

# Missing in MicroPython's errno on some ports.
_EPIPE = const(32)
_ENOTCONN = (107, 128)  # Linux, lwIP
_EISCONN = (106, 127)
# mbedtls/ssl.h, 3.x
_IPPROTO_TCP = const(6)  # the unix port has no names for these two
_TCP_NODELAY = const(1)
_CONN_EOF = const(-0x7280)
_NO_CA_CHAIN = const(-0x7680)
_BAD_CERTIFICATE = const(-0x7A00)  # key usage and extended key usage, mostly
_BAD_VERSION = const(-0x6E80)
_NO_COMMON_GROUND = const(-0x6E00)
_ALERT = const(-0x7780)
_X509 = (-0x3000, -0x2080)  # x509.h: cannot be read, unknown critical extension, chain too long
_PROOF = ((-0x4F80, -0x4B00), (-0x4380, -0x4080), (-0x3F80, -0x3880))  # ECP, RSA, PK: a signature that does not fit
# WP-6: authenticated encryption with a fresh key exchange first; plain RSA because the whitepaper asks for it.
_SUITES = (
    "TLS1-3-AES-128-GCM-SHA256",
    "TLS1-3-AES-256-GCM-SHA384",
    "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384",
    "TLS-RSA-WITH-AES-128-GCM-SHA256",
    "TLS-RSA-WITH-AES-256-GCM-SHA384",
)


class ClientContext:
    """The parameters of open_stream() for TLS: trusted roots, and our certificate for servers that ask for one.

    PEM (several certificates in one text) or DER, a key as SEC 1 or PKCS #8. Without roots no server is trusted.
    mbedTLS parses them for each handshake, while no contactor is closed: a key takes 20 ms on an ESP32, and what is
    parsed would stay in RAM.
    """

    def __init__(self, roots: bytes | None, client_cert: bytes | None = None, client_key: bytes | None = None):
        self._roots = roots
        self._client_cert = client_cert
        self._client_key = client_key
        self.public = False  # True: no host in a private network is contacted, whatever its name leads to
        self.waits = False  # True: where a contactor has closed meanwhile the attempt ends, and the charging goes on

    def make(self):
        """The context of mbedTLS; TlsError with cause "protocol" when a certificate or the key cannot be read."""
        try:
            context = mbedtls.SSLContext(mbedtls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = mbedtls.CERT_REQUIRED  # type: ignore[misc] - the stubs call it a method
            _choose_suites(context)
            if self._roots:
                context.load_verify_locations(self._roots)
            if self._client_cert:
                context.load_cert_chain(self._client_cert, self._client_key)
        except (ValueError, OSError) as error:
            raise TlsError("memory" if is_out_of_memory(error) else "protocol", "certificate store: " + log.reason(error))
        return context


def _choose_suites(context: Any) -> None:
    """Offer the suites of _SUITES that this build of mbedtls knows, and no other."""
    try:
        context.set_ciphers(_SUITES)
    except (ValueError, OSError):
        known = context.get_ciphers()
        context.set_ciphers([suite for suite in _SUITES if suite in known])


async def open_stream(
    host: str, port: int, tls: Any | None = None, deadline_ms: int = 30000, patience_ms: int = hold_ups.PATIENCE_MS
) -> tuple:
    """(reader, writer) of a TCP connection, or of a TLS one whose handshake is over when `tls` is a ClientContext.

    The deadline covers look-up, connect and handshake together. A TLS connection waits for a pause of the charging before,
    for patience_ms at most (runtime/hold_ups.py). ConnectError or TlsError, with nothing left open.
    """
    if tls is not None:
        await hold_ups.wait_for_pause(patience_ms)
    try:
        stream = await asyncio.wait_for_ms(_open_or_ask(host, port, tls, deadline_ms), deadline_ms)
    except asyncio.TimeoutError:
        dns.default().forget(host)
        raise ConnectError("timeout", "no connection within %d ms" % deadline_ms)
    return stream, stream


async def _open_or_ask(host: str, port: int, context: Any, deadline_ms: int):
    """_open(); where the server broke off without saying why, find out."""
    try:
        return await _open(host, port, context, deadline_ms)
    except TlsError as error:
        if error.cause not in ("alert", "reset") or context.public:
            raise
        from charger.net import tls_diagnosis  # 1,000 frozen bytes, for a server that refuses; it imports this module

        modern = any(suite.startswith("TLS1-3") for suite in context.make().get_ciphers())
        cause = await tls_diagnosis.probe(host, port, modern, deadline_ms)
        if error.cause == "alert" or cause in ("version", "suite"):  # some servers close without an alert
            error.cause = cause
        raise error


async def _open(host: str, port: int, context: Any, deadline_ms: int):
    try:
        address = await dns.default().resolve(host, deadline_ms)
    except DnsError as error:
        raise ConnectError("dns", "%s: %s" % (host, error))
    if context is not None and context.public and dns.is_private(address):
        raise ConnectError("refused", "the host is in a private network")
    info = socket.getaddrinfo(address, port, 0, socket.SOCK_STREAM)[0]
    s = socket.socket(info[0], info[1], info[2])
    try:
        s.setblocking(False)
        # An answer and a message of our own in a row are two small writes: Nagle would hold the second back until the
        # first is acknowledged, which peers delay by 40 ms.
        s.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        try:
            await _connect(s, info[-1])
        except OSError as error:
            dns.default().forget(host)
            raise _connect_fault(error)
        if context is None:
            return asyncio.StreamReader(s)
        return await _alone(s, context, host)
    except BaseException:  # a cancelled attempt closes its socket, too
        s.close()
        raise


def _writable(s: Any) -> Iterator:
    """Wait until the connect has ended or the socket is writable."""
    yield asyncio.core._io_queue.queue_write(s)  # type: ignore[attr] - MicroPython's own


async def _connect(s: Any, address: Any) -> None:
    """Non-blocking connect. Calling connect() again is the portable way to get the result of the first call."""
    while True:
        try:
            s.connect(address)
            return
        except OSError as error:
            if error.errno in _EISCONN:
                return
            if error.errno not in (EINPROGRESS, EALREADY):
                raise
        await _writable(s)  # type: ignore[misc] - a generator is awaitable here


def _connect_fault(error: OSError) -> ConnectError:
    """Translate a failed TCP connect to a ConnectError; an unreachable network counts as refused."""
    if is_out_of_memory(error):
        return ConnectError("memory", "no memory for the connection")
    if error.errno == ETIMEDOUT:
        return ConnectError("timeout", "the host does not answer")
    if error.errno in (ECONNRESET, ECONNABORTED):
        return ConnectError("reset", "cut while connecting")
    if error.errno == ECONNREFUSED or error.errno in _ENOTCONN:
        return ConnectError("refused", "no listener at that port")
    return ConnectError("refused", "network error %s" % error.errno)


async def _alone(s: Any, context: Any, host: str):
    """_handshake() while no contactor is closed."""
    if context.waits and hold_ups.must_wait():
        raise ConnectError("timeout", "a contactor is closed")
    try:
        await hold_ups.begin()
    except StillClosedError as error:
        raise ConnectError("timeout", log.reason(error))
    try:
        return await _handshake(s, context.make(), host)
    finally:
        hold_ups.end()


async def _handshake(s: Any, context: Any, host: str):
    """Drive the handshake to its end: open_connection() would return before it, and hide why it fails.

    Reading drives it. There is a peer certificate only once it is over; nothing can have been read by then, because
    no server of ours talks first.
    """
    secured = None
    done = False
    byte = bytearray(1)
    try:
        secured = context.wrap_socket(s, server_hostname=host, do_handshake_on_connect=False)
        stream = asyncio.StreamReader(secured)
        got = secured.readinto(byte)  # the first flight goes out: only then is there something to wait for
        while got is None and secured.getpeercert(True) is None:
            got = await stream.readinto(byte)
        if got == 0:
            raise TlsError("reset", "closed by the server in the handshake")
        if got:
            raise TlsError("protocol", "the server talked first")
        _check_peer(secured.getpeercert(True))
        done = True
        return stream
    except (ValueError, OSError) as error:
        raise tls_fault(error)
    finally:
        if secured is not None and not done:
            secured.close()  # a later finaliser could close the same file number of another socket


def _check_peer(certificate: bytes) -> None:
    """Check what mbedtls does not check (docs/TLS.md), before a byte is sent; without a time no certificate is accepted."""
    now_s = clock.utc_s()
    if now_s is None and not clock.tls_has_time:
        raise TlsError("no-time", "the time is unknown")
    # imported here to shorten a chain of seven nested imports, which takes C stack
    from charger.credentials import server_certificate

    try:
        server_certificate.check(certificate, now_s)
    except CryptoError as error:
        raise TlsError("expired" if error.kind in (EXPIRED, NOT_YET_VALID) else "certificate", str(error))


def late_fault(error: Exception) -> TlsError:
    """As tls_fault(), for the first read and write after the handshake: an alert there is about our certificate."""
    fault = tls_fault(error)
    if fault.cause == "alert":
        fault.cause = "own-cert"
    return fault


def tls_fault(error: Exception) -> TlsError:
    """Convert MicroPython's exception for a TLS failure into a TlsError: ValueError holds mbedtls' verdict in words."""
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        return TlsError("memory", "no memory for TLS: " + log.reason(error))
    if isinstance(error, ValueError):
        return TlsError(_verdict(text), text)
    code = (error.errno or 0) if isinstance(error, OSError) else 0
    if code == _NO_CA_CHAIN:
        return TlsError("untrusted", "no root certificate is installed")
    if code in (_CONN_EOF, ECONNRESET, ECONNABORTED, _EPIPE):
        return TlsError("reset", "cut by the server")
    if code == ETIMEDOUT:
        return TlsError("timeout", "the host stopped answering")
    return TlsError(_cause_of(code), text or log.reason(error))


def _cause_of(code: int) -> str:
    """The cause behind a code of mbedtls. "alert" is not the last word: open_stream() and late_fault() know more."""
    if code == _ALERT:
        return "alert"
    if code == _BAD_VERSION:
        return "version"
    if code == _NO_COMMON_GROUND:
        return "suite"
    if code == _BAD_CERTIFICATE or _X509[0] <= code <= _X509[1]:
        return "certificate"
    for lowest, highest in _PROOF:
        if lowest <= code <= highest:
            return "proof"
    return "protocol"


def _verdict(text: str) -> str:
    """The most serious fault that mbedtls reports of a certificate (x509_crt.h, X509_CRT_ERROR_INFO_LIST)."""
    if "not correctly signed" in text or "untrusted" in text or "revoked" in text:
        return "untrusted"
    if "does not match" in text:
        return "name"
    if "starts in the future" in text:
        # Without a clock every certificate lies in the future; with one, this server's really does (SEC-27).
        return "no-time" if clock.utc_s() is None else "expired"
    if "expired" in text:
        return "expired"
    return "untrusted" if text else "protocol"
