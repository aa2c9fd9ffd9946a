"""Both ends of a TLS connection for the tests: OpenSSL servers on threads, and MicroPython clients that connect on demand."""

import datetime
import ipaddress
import json
import socket
import ssl
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mpy.interpreter import ROOT, binary, environment
from sim.tcp_server import TcpServer, forward

DAY = datetime.timedelta(days=1)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# Connects as each line of stdin says and prints what came of it; a task beside it looks for gaps in the loop.
CLIENT = """
import asyncio, json, sys
from charger import clock
from charger.net import dns, tls

gap_ms = 0
clock.tls_has_time = True  # the PC's
ours = tls._check_peer

async def watch():
    global gap_ms
    last = clock.ticks_ms()
    while True:
        await asyncio.sleep_ms(5)
        gap_ms = max(gap_ms, clock.elapsed_ms(last))
        last = clock.ticks_ms()

def content(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()

async def attempt(job):
    global gap_ms
    gap_ms = 0
    result = {}
    tls._check_peer = ours if job["check"] else lambda *_: None
    try:
        context = tls.ClientContext(content(job["roots"]), content(job["cert"]), content(job["key"]))
        reader, writer = await tls.open_stream(job["host"], job["port"], context, job["deadline_ms"])
        result["suite"], result["version"] = reader.s.cipher()
        try:
            writer.write(bytes.fromhex(job["say"]))
            await writer.drain()
            result["echo"] = (await reader.read(20)).decode()
        except (OSError, ValueError) as error:
            result["late"] = tls.late_fault(error).cause
        reader.s.close()
    except tls.ConnectError as error:
        result["cause"], result["text"], result["kind"] = error.cause, str(error), type(error).__name__
    result["gap_ms"] = gap_ms
    return result

async def main():
    if sys.argv[1:]:
        clock.set_utc(int(sys.argv[1]), "test")
    task = asyncio.create_task(watch())
    await asyncio.sleep_ms(0)
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        print(json.dumps(await attempt(json.loads(line))))

asyncio.run(main())
"""


class Authority:
    """A root and the certificates that it signs, in files."""

    def __init__(self, folder, name="Root"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self._save(name, self._sign(self.name, self.key, self, True))
        self.server = self.charger = None

    def _sign(self, subject, key, issuer, is_authority, begins=-1, ends=30, names=()):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + begins * DAY).not_valid_after(now + ends * DAY)
            .add_extension(x509.BasicConstraints(is_authority, None), True)
        )  # fmt: skip
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(issuer.key, hashes.SHA256())

    def _save(self, name, certificate, key=None):
        path = self.folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        if key:
            path.with_suffix(".key").write_bytes(key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return str(path)

    def issue_both(self, identity):
        """Set `server` and `charger`: the certificates of a back end on localhost and of a charger."""
        self.server = self.issue("server")
        self.charger = self.issue("charger", identity)
        return self

    def issue(self, file, host="localhost", common_name=None, alternative=True, **validity):
        """A certificate for a host; the path of its PEM file, the key beside it."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            names = [x509.IPAddress(ipaddress.ip_address(host))]
        except ValueError:
            names = [x509.DNSName(host)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or host)])
        certificate = self._sign(subject, key, self, False, names=names if alternative else (), **validity)
        return self._save(file, certificate, key)


def authority_with_stranger(folders, elsewhere):
    """An authority with a certificate for this host, one for the host `elsewhere`, and another authority, a stranger."""
    authority = Authority(folders.mktemp("authority"))
    authority.server = authority.issue("server")
    authority.elsewhere = authority.issue("elsewhere", elsewhere)
    authority.stranger = Authority(folders.mktemp("stranger"), "Stranger")
    return authority


def key_of(path):
    return path.removesuffix(".pem") + ".key"


def server_context(certificate, version=None, roots=None, ciphers=None):
    """An ssl context for a back end; with roots it wants the charger's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:  # before the certificate, which OpenSSL checks against their security level
        context.set_ciphers(ciphers)
    context.load_cert_chain(certificate, key_of(certificate))
    if version:
        context.minimum_version = context.maximum_version = version
    if roots:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(roots)
    return context


class Server(TcpServer):
    """An OpenSSL echo server on a port of its own; `before(connection)` may spoil the connection first."""

    def __init__(self, certificate=None, version=None, roots=None, ciphers=None, before=None):
        self.before = before
        self.context = None
        if certificate:
            self.context = server_context(certificate, version, roots, ciphers)
        self._connections = []
        super().__init__(self._echo)

    def _echo(self, connection):
        self._connections.append(connection)
        try:
            if self.before and self.before(connection):
                return
            with self.context.wrap_socket(connection, server_side=True) as secured:
                while data := secured.recv(100):
                    secured.sendall(data)
        except OSError:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        for connection in self._connections:
            connection.close()


class Client:
    """A MicroPython that connects on demand."""

    def __init__(self, word, authority, *arguments):
        self.authority = authority
        self.process = subprocess.Popen(
            [str(binary(word)), "-c", CLIENT, *arguments], cwd=ROOT, env=environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def connect(self, server, host="localhost", **changes):
        """The outcome of one attempt."""
        job = {"host": host, "port": server.port, "roots": self.authority.root, "cert": None, "key": None, "deadline_ms": 5000,
               "check": True, "say": b"hello".hex()}
        self.process.stdin.write(json.dumps(job | changes) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        raise AssertionError("the interpreter ended")

    def connect_smoothly(self, server, *args, **changes):
        """As connect(); the loop may not be held up for 100 ms. Tried ten times, because the machine may have held it up."""
        for _ in range(10):
            result = self.connect(server, *args, **changes)
            if result["gap_ms"] < 100:
                return result
        raise AssertionError(result)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def _connect(connection, upstream):
    """Connect to an upstream port and forward what arrives on the connection; returns the other side."""
    other = socket.create_connection(("127.0.0.1", upstream))

    threading.Thread(target=forward, args=(connection, other), daemon=True).start()
    return other


def through(upstream, limit):
    """A relay to an upstream port that lets only `limit` bytes come back, then stalls."""
    def before(connection):
        forward(_connect(connection, upstream), connection, limit)
        return True

    return before


def receive_exactly(source, count):
    """That many bytes of a socket; EOFError when the connection ends before."""
    data = b""
    while len(data) < count:
        part = source.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def spoiling(upstream):
    """A relay that turns one bit of the ServerKeyExchange of TLS 1.2, at its end: of the signature."""
    def before(connection):
        other = _connect(connection, upstream)
        try:
            while True:
                head = receive_exactly(other, 5)
                body = bytearray(receive_exactly(other, int.from_bytes(head[3:], "big")))
                if head[0] == 22 and body[0] == 12:
                    body[-1] ^= 1
                connection.sendall(head + body)
        except (OSError, EOFError):
            return True

    return before
