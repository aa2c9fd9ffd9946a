"""The TLS client: the cause of each failure, and that it leaves nothing open; mbedtls, sockets and name server are faked."""

import asyncio
from errno import EALREADY, ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINPROGRESS, ENOMEM, ETIMEDOUT

import meters  # noqa: F401 - behind it the simulated board: nested imports take C stack
from check import equal, raises, raises_async, true

from charger import clock
from charger.errors import ConnectError, StillClosedError, TlsError
from charger.net import dns, tls, tls_diagnosis
from charger.runtime import hold_ups

CERTIFICATE = b"certificate"
OLD = ["TLS-RSA-WITH-AES-128-CBC-SHA", "TLS-RSA-WITH-AES-128-GCM-SHA256", "TLS1-3-AES-128-GCM-SHA256"]
_kept = {}


class Resolver:
    """A name server that knows one address; `forgotten` are the names that were dropped."""

    def __init__(self):
        self.forgotten = []

    async def resolve(self, host, deadline_ms=0):
        return "127.0.0.1"

    def forget(self, host):
        self.forgotten.append(host)


class Socket:
    """A TCP socket; `answers` are what connect() raises, one a call, None for success."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []
        self.closed = 0

    def __call__(self, *kind):
        return self

    def setblocking(self, on):
        self.calls.append(("blocking", on))

    def setsockopt(self, *option):
        self.calls.append(option)

    def connect(self, address):
        answer = self.answers.pop(0)
        if answer is not None:
            raise OSError(answer)

    def close(self):
        self.closed += 1


class Sockets:
    """The module `socket` with one socket."""

    SOCK_STREAM = 1

    def __init__(self, sock):
        self.socket = sock

    def getaddrinfo(self, host, port, *rest):
        return [(2, 1, 0, "", (host, port))]


class Secured:
    """The TLS socket: what each read gives (None: not yet, an exception), over once `reads` are used up."""

    def __init__(self, *reads):
        self.reads = list(reads)
        self.closed = 0

    def readinto(self, view):
        read = self.reads.pop(0)
        if isinstance(read, BaseException):
            raise read
        return read

    def getpeercert(self, binary):
        return None if self.reads else CERTIFICATE

    def close(self):
        self.closed += 1


class Mbedtls:
    """The module `tls` and its SSLContext at once."""

    PROTOCOL_TLS_CLIENT, CERT_NONE, CERT_REQUIRED = 0, 0, 2

    def __init__(self, secured=None, refuses=False, fails=None):
        self.verify_mode = 0
        self.suites = self.roots = self.chain = self.name = None
        self._secured = secured
        self._refuses = refuses
        self._fails = fails

    def SSLContext(self, protocol):  # noqa: N802 - the name of the module
        return self

    def set_ciphers(self, suites):
        if self._refuses and not set(suites) <= set(OLD):
            raise ValueError("unknown")
        self.suites = list(suites)

    def get_ciphers(self):
        return OLD

    def load_verify_locations(self, roots):
        if self._fails is not None:
            raise self._fails
        self.roots = roots

    def load_cert_chain(self, chain, key):
        self.chain = chain, key

    def wrap_socket(self, s, server_hostname, do_handshake_on_connect):
        self.name = server_hostname, do_handshake_on_connect
        if self._secured is None:
            raise OSError(-0x7F00)  # of its allocation
        return self._secured


class Loop:
    """The module `asyncio` with a stream that waits for nothing."""

    TimeoutError, wait_for_ms = asyncio.TimeoutError, asyncio.wait_for_ms

    class StreamReader:
        def __init__(self, s):
            self.s = s

        async def readinto(self, view):
            await asyncio.sleep_ms(0)
            return self.s.readinto(view)


def setup():
    for name in ("mbedtls", "socket", "asyncio", "_writable", "_check_peer", "_open"):
        _kept[name] = getattr(tls, name)
    _kept["resolver"], dns._resolver = dns._resolver, Resolver()
    _kept["probe"] = tls_diagnosis.probe


def teardown():
    tls_diagnosis.probe = _kept.pop("probe")
    dns._resolver = _kept.pop("resolver")
    for name in list(_kept):
        setattr(tls, name, _kept.pop(name))
    hold_ups.configure([], 0)


def test_each_code_of_mbedtls_and_of_the_network_has_its_cause():
    for cause, codes in (
        ("untrusted", (-0x7680,)),
        ("reset", (-0x7280, ECONNRESET, ECONNABORTED, 32)),
        ("timeout", (ETIMEDOUT,)),
        ("alert", (-0x7780,)),
        ("version", (-0x6E80,)),
        ("suite", (-0x6E00,)),
        ("certificate", (-0x7A00, -0x3000, -0x2080)),
        ("proof", (-0x4F80, -0x4B00, -0x4380, -0x4080, -0x3F00, -0x3880)),
        ("protocol", (-0x7A01, -0x3001, -0x207F, -0x4F81, -0x4AFF, -0x4381, -0x407F, -0x387F, 0, EHOSTUNREACH)),
    ):  # fmt: skip
        for code in codes:
            equal(tls.tls_fault(OSError(code)).cause, cause, hex(code))
            equal(tls.late_fault(OSError(code)).cause, "own-cert" if cause == "alert" else cause, hex(code))
    equal(tls.tls_fault(RuntimeError("bug")).cause, "protocol")
    equal(str(tls.tls_fault(OSError(-0x6E80, "MBEDTLS_ERR \n  PROTOCOL"))).count("\n"), 0)
    true("root" in str(tls.tls_fault(OSError(-0x7680))))
    true("server" in str(tls.tls_fault(OSError(ECONNRESET))))


def test_the_most_serious_word_about_a_certificate_counts():
    clock.set_utc(1790000000, "test")
    for cause, text in (
        ("untrusted", "The certificate is not correctly signed by the trusted CA\nThe certificate validity has expired"),
        ("untrusted", "untrusted"), ("untrusted", "the certificate has been revoked"),
        ("name", "The certificate Common Name does not match with the expected CN\nThe certificate validity has expired"),
        ("expired", "The certificate validity has expired"),
        ("expired", "The certificate validity starts in the future"),
        ("untrusted", "something new"), ("protocol", ""),
    ):  # fmt: skip
        equal(tls.tls_fault(ValueError(text)).cause, cause, text)
    clock.forget_utc()
    equal(tls.tls_fault(ValueError("The certificate validity starts in the future")).cause, "no-time")


def test_each_way_to_fail_to_connect_has_its_cause():
    for code, cause, word in (
        (ENOMEM, "memory", "memory"), (ETIMEDOUT, "timeout", "answer"), (ECONNRESET, "reset", "cut"),
        (ECONNABORTED, "reset", "cut"), (ECONNREFUSED, "refused", "listener"), (107, "refused", "listener"),
        (128, "refused", "listener"), (EHOSTUNREACH, "refused", "%d" % EHOSTUNREACH),
    ):  # fmt: skip
        fault = tls._connect_fault(OSError(code))
        equal((fault.cause, word in str(fault)), (cause, True), code)


def test_a_context_requires_a_certificate_and_has_roots_suites_and_our_certificate():
    tls.mbedtls = made = Mbedtls()
    tls.ClientContext(b"roots", b"chain", b"key").make()
    equal((made.verify_mode, made.roots, made.chain, tuple(made.suites)),
          (Mbedtls.CERT_REQUIRED, b"roots", (b"chain", b"key"), tls._SUITES))  # fmt: skip
    tls.mbedtls = made = Mbedtls(refuses=True)
    tls.ClientContext(None).make()
    equal((made.verify_mode, made.roots, made.chain), (Mbedtls.CERT_REQUIRED, None, None))
    equal(sorted(made.suites), sorted(OLD[1:]), "a build without all of them")


def test_a_certificate_that_cannot_be_read_and_no_memory_for_it_are_two_faults():
    for error, cause in ((ValueError("invalid cert"), "protocol"), (OSError(-0x2880), "memory"), (OSError(-0x2180), "protocol")):
        tls.mbedtls = Mbedtls(fails=error)
        equal(raises(TlsError, tls.ClientContext(b"roots").make).cause, cause)


async def opened(sock, context=None, deadline_ms=1000):
    """The stream or the fault of open_stream() with this socket."""
    async def at_once(s):
        await asyncio.sleep_ms(0)

    tls.socket, tls._writable = Sockets(sock), at_once
    try:
        return await tls.open_stream("h", 443, context, deadline_ms)
    except ConnectError as error:
        return error


async def test_connect_ends_with_the_result_of_its_last_call_and_a_failure_closes_the_socket():
    for answers in ((None,), (EINPROGRESS, EALREADY, 106), (EINPROGRESS, 127), (EINPROGRESS, None)):
        sock = Socket(*answers)
        reader, writer = await opened(sock)
        true(reader is writer and reader.s is sock)
        equal((sock.answers, sock.closed, sock.calls), ([], 0, [("blocking", False), (6, 1, 1)]), answers)
    equal(dns._resolver.forgotten, [])
    sock = Socket(EINPROGRESS, ECONNREFUSED, None)
    error = await opened(sock)
    equal((error.cause, sock.answers, sock.closed, dns._resolver.forgotten), ("refused", [None], 1, ["h"]))


async def test_a_deadline_that_passes_closes_the_socket_and_the_address_is_asked_for_anew():
    class Endless(Socket):
        def connect(self, address):
            raise OSError(EINPROGRESS)

    sock = Endless()
    error = await opened(sock, deadline_ms=20)
    equal((error.cause, sock.closed, dns._resolver.forgotten), ("timeout", 1, ["h"]))


async def shaken(*reads, check=None):
    """The stream or the fault of a handshake with these reads, and its socket."""
    secured = Secured(*reads)
    tls.asyncio, tls._check_peer = Loop, check or (lambda certificate: equal(certificate, CERTIFICATE))
    tls.mbedtls = made = Mbedtls(secured)
    sock = Socket(None)
    found = await opened(sock, tls.ClientContext(b"roots"))
    equal(made.name, ("h", False))
    equal(sock.closed, int(isinstance(found, ConnectError)))
    return found, secured


async def test_a_handshake_is_driven_to_its_end_and_the_certificate_is_checked_before_anything_is_sent():
    seen = []
    for reads in ((None,), (None, None, None, None)):
        found, secured = await shaken(*reads, check=seen.append)
        equal((found[0].s is secured, secured.closed, secured.reads), (True, 0, []))
    equal(seen, [CERTIFICATE] * 2)


async def test_a_handshake_that_fails_in_any_way_leaves_no_socket_open():
    def wrong(certificate):
        raise TlsError("expired", "by our clock")

    for cause, reads, check in (
        ("reset", (0, None), None), ("reset", (None, 0, None), None),
        ("protocol", (1, None), None), ("protocol", (None, 1, None), None),
        ("untrusted", (None, ValueError("untrusted"), None), None), ("suite", (OSError(-0x6E00), None), None),
        ("expired", (None,), wrong),
    ):  # fmt: skip
        async def silent(*_):
            return "protocol"

        tls_diagnosis.probe = silent
        found, secured = await shaken(*reads, check=check)
        equal((found.cause, secured.closed), (cause, 1), reads)
    true("first" in str((await shaken(1, None))[0]))


async def test_no_memory_for_a_handshake_closes_the_socket_and_is_no_fault_of_the_server():
    tls.mbedtls, sock = Mbedtls(), Socket(None)
    error = await opened(sock, tls.ClientContext(None))
    equal((error.cause, sock.closed), ("memory", 1))


async def test_a_handshake_that_is_cancelled_leaves_no_socket_open():
    class Waiting(Loop):
        class StreamReader(Loop.StreamReader):
            async def readinto(self, view):
                await asyncio.sleep_ms(10000)

    secured, sock = Secured(None, None), Socket(None)
    tls.mbedtls = Mbedtls(secured)
    tls.asyncio = Waiting
    found = await opened(sock, tls.ClientContext(b"roots"), 20)
    equal((found.cause, secured.closed, sock.closed), ("timeout", 1, 1))


async def test_a_handshake_takes_place_between_begin_and_end_of_its_hold_up():
    class Outlet:
        is_closed = False

        def __init__(self):
            self.limits = self
            self.asked = []

        def set(self, source, da):
            self.asked.append(da)

    outlet = Outlet()
    for reads in ((None,), (OSError(-0x6E00), None)):
        hold_ups.configure([outlet], 1200)
        outlet.asked.clear()
        await shaken(*reads, check=lambda certificate: equal(outlet.asked, [0]))
        equal(outlet.asked, [0, None], "and over again")


async def test_a_handshake_without_a_pause_of_the_charging_is_a_timeout():
    async def never(*_):
        raise StillClosedError("a contactor is closed")

    begin, hold_ups.begin = hold_ups.begin, never
    try:
        error = await raises_async(ConnectError, tls._alone(None, tls.ClientContext(None), "h"))
    finally:
        hold_ups.begin = begin
    equal((error.cause, "contactor" in str(error)), ("timeout", True))


async def test_an_own_connection_without_urgency_gives_way_to_a_contactor_that_has_closed_meanwhile():
    class Outlet:
        is_closed = True

    hold_ups.configure([Outlet()], 1200)
    context = tls.ClientContext(None)
    context.waits = True
    error = await raises_async(ConnectError, tls._alone(None, context, "h"))
    equal((error.cause, hold_ups.interruptions), ("timeout", 0))


async def test_a_tls_connection_waits_for_a_pause_of_the_charging_before_a_server_is_called_and_a_plain_one_does_not():
    waited = []

    async def pause(patience_ms, erases=False):
        waited.append(patience_ms)

    async def nothing(*_):
        return "stream"

    wait, hold_ups.wait_for_pause, tls._open = hold_ups.wait_for_pause, pause, nothing
    try:
        equal(await tls.open_stream("h", 1, None), ("stream", "stream"))
        await tls.open_stream("h", 1, tls.ClientContext(None), patience_ms=7)
    finally:
        hold_ups.wait_for_pause = wait
    equal(waited, [7])


async def test_a_server_that_breaks_off_is_asked_why_once_and_only_what_may_be_asked():
    asked = []

    async def fails(*_):
        raise TlsError(tls_cause, "")

    async def probe(host, port, modern, deadline_ms):
        asked.append(modern)
        return answer

    tls._open, tls_diagnosis.probe = fails, probe
    for tls_cause, answer, public, cause, count in (
        ("alert", "version", False, "version", 1), ("alert", "own-cert", False, "own-cert", 1),
        ("alert", "protocol", False, "protocol", 1),
        ("reset", "suite", False, "suite", 1), ("reset", "version", False, "version", 1),
        ("reset", "own-cert", False, "reset", 1), ("reset", "protocol", False, "reset", 1),
        ("alert", "version", True, "alert", 0), ("expired", "version", False, "expired", 0),
    ):  # fmt: skip
        asked.clear()
        tls.mbedtls = Mbedtls()
        context = tls.ClientContext(None)
        context.public = public
        error = await raises_async(TlsError, tls.open_stream("h", 1, context))
        equal((error.cause, asked), (cause, [True] * count), (tls_cause, answer, public))
    OLD.remove("TLS1-3-AES-128-GCM-SHA256")
    tls.mbedtls = Mbedtls()
    tls_cause, public = "alert", False
    await raises_async(TlsError, tls.open_stream("h", 1, tls.ClientContext(None)))
    OLD.append("TLS1-3-AES-128-GCM-SHA256")
    equal(asked, [False], "a build without TLS 1.3")
