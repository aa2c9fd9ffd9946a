"""`tls` with its costs on the ESP32: memory outside of MicroPython's heap (--tls-heap), and time (--pace).

The built-in module does the work. install() puts this one into sys.modules, where `import tls` finds it first.
"""

import io
import select
import sys

import tls
from tls import *  # noqa: F403

from sim import hardware_times, launch, soft_irq, timebase

CONNECTION_BYTES = (16 + 4) * 1024  # record buffers in and out, as the port's sdkconfig sets them
HANDSHAKE_BYTES = 15 * 1024  # at its peak, on top
_ENOMEM = 12
# What mbedTLS says when memory ends in the middle of a handshake, by how much of it was there: certificates are parsed first,
# then the key exchange, the signature, the big numbers of both. MicroPython raises the last one as 16.
_PHASES = ((4, -0x2880), (8, -0x4D80), (12, -0x3F80), (15, 16))
_POLL = 3
_CLOSE = 4
_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"  # rsaEncryption, in a certificate

used = 0
peak = 0


def left():
    """Bytes of --tls-heap that are free; None without a limit."""
    limit = launch.config["tls_heap"]
    return None if limit is None else limit - used


def _take(count, error):
    global used, peak
    free = left()
    if free is not None and free < count:
        raise OSError(error(free) if callable(error) else error)
    used += count
    peak = max(peak, used)


def _phase(free):
    for kib, error in _PHASES:
        if free < kib * 1024:
            return error
    return _ENOMEM


def _give(count):
    global used
    used -= count


def _timed(function, us, *args):
    """A call into C that takes us on the board."""
    soft_irq.enter()
    try:
        timebase.cost(us, "tls")
        return function(*args)
    finally:
        soft_irq.leave()


class _Stream(io.IOBase):
    """A TLS connection. Until the first byte has passed it is in its handshake."""

    def __init__(self, connection, server_side=False):
        self._tls = connection
        self._own_key = "ecdsa" if server_side else None  # the page's key is on P-256 (tools/provisioning)
        self._held = CONNECTION_BYTES
        self._shaking = True

    def _prepare(self):
        """The handshake's own memory, with its first step."""
        if self._held == CONNECTION_BYTES and self._shaking:
            _take(HANDSHAKE_BYTES, _phase)
            self._held += HANDSHAKE_BYTES

    def _finish(self, key):
        """The handshake is over, well or not: its memory is free, and the interpreter was held up all along."""
        self._shaking = False
        if self._held > CONNECTION_BYTES:
            _give(HANDSHAKE_BYTES)
            self._held = CONNECTION_BYTES
        timebase.cost(hardware_times.TLS_HANDSHAKE_US[key], "TLS handshake")

    def _key(self):
        """The kind of the server's key, after a whole handshake: before, asking the built-in one ends the interpreter."""
        if self._own_key:
            return self._own_key
        try:
            suite = self._tls.cipher()[0]
            if "ECDSA" in suite:
                return "ecdsa"
            if "RSA" in suite or _RSA in (self._tls.getpeercert(True) or _RSA):
                return "rsa"
            return "ecdsa"
        except (OSError, ValueError, TypeError, AttributeError):
            return "rsa"

    def _do(self, function, *args):
        soft_irq.enter()
        try:
            if self._shaking:
                self._prepare()
            try:
                done = function(*args)
            except (OSError, ValueError):
                if self._shaking:
                    self._finish("rsa")
                raise
            if done is not None:
                if self._shaking:
                    self._finish(self._key() if done else "rsa")
                count = done if type(done) is int else len(done)
                timebase.cost(hardware_times.TLS_RECORD_US + count * hardware_times.TLS_US_A_KB // 1024, "tls")
            return done
        finally:
            soft_irq.leave()

    def read(self, *args):
        """Decrypted bytes, or None when there are none yet."""
        return self._do(self._tls.read, *args)

    def readinto(self, *args):
        """As read(), into a buffer."""
        return self._do(self._tls.readinto, *args)

    def readline(self, *args):
        """As read(), up to the end of a line."""
        return self._do(self._tls.readline, *args)

    def write(self, *args):
        """Encrypt and send; None when nothing could be sent yet."""
        return self._do(self._tls.write, *args)

    def setblocking(self, flag):
        """As of the built-in one."""
        self._tls.setblocking(flag)

    def cipher(self):
        """As of the built-in one."""
        return self._tls.cipher()

    def getpeercert(self, binary=False):
        """As of the built-in one."""
        return self._tls.getpeercert(binary)

    def close(self):
        """End it and give its memory back."""
        _give(self._held)
        self._held = 0
        self._tls.close()

    def ioctl(self, request, arg):
        """For select.poll(): what lies decrypted in mbedTLS counts, so the built-in one is asked."""
        if request == _CLOSE:
            self.close()
            return 0
        if request != _POLL:
            return -22
        poller = select.poll()
        poller.register(self._tls, arg)
        ready = poller.poll(0)
        return ready[0][1] if ready else 0


class SSLContext:
    """As of the built-in module."""

    def __init__(self, protocol):
        self._context = tls.SSLContext(protocol)

    @property
    def verify_mode(self):
        """CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED."""
        return self._context.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._context.verify_mode = mode

    def get_ciphers(self):
        """Suites that this build knows."""
        return self._context.get_ciphers()

    def set_ciphers(self, suites):
        """Offer these alone."""
        self._context.set_ciphers(suites)

    def load_verify_locations(self, *args):
        """Roots."""
        _timed(self._context.load_verify_locations, hardware_times.X509_PARSE_US, *args)

    def load_cert_chain(self, *args):
        """Our certificate and key."""
        _timed(self._context.load_cert_chain, hardware_times.X509_PARSE_US + hardware_times.KEY_PARSE_US, *args)

    def wrap_socket(self, sock, *, server_side=False, do_handshake_on_connect=True, server_hostname=None, client_id=None):
        """A TLS connection over a socket; OSError ENOMEM when its buffers find no room."""
        soft_irq.enter()
        try:
            _take(CONNECTION_BYTES, _ENOMEM)
            try:
                stream = _Stream(self._wrap(sock, server_side, do_handshake_on_connect, server_hostname), server_side)
                if do_handshake_on_connect:
                    stream._finish(stream._key())
            except (OSError, ValueError):
                _give(CONNECTION_BYTES)
                raise
            return stream
        finally:
            soft_irq.leave()

    def _wrap(self, sock, server_side, do_handshake, host):
        if do_handshake:
            _take(HANDSHAKE_BYTES, _phase)
            _give(HANDSHAKE_BYTES)
        options = {"server_side": server_side, "do_handshake_on_connect": do_handshake}
        if host is not None:
            options["server_hostname"] = host
        return self._context.wrap_socket(sock, **options)


def install():
    """Have `import tls` find this module."""
    sys.modules["tls"] = sys.modules[__name__]
