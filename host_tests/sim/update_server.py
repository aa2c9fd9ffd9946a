"""A server of updates that does what a test tells it: honest, or in one of the ways in which servers and networks go wrong."""

import contextlib
import re
import ssl

from sim.tcp_server import TcpServer
from sim.test_diagnostics import certificate_for

BLOCK = 4096


class UpdateServer(TcpServer):
    """HTTPS (or HTTP without a certificate). `files` maps paths to bytes; `requests` notes (path, offset).

    behave(path, **how) for one path:
    cut=n            close after n bytes of body, each time; cuts=[n, ...] only the first times
    head=bytes       this instead of a proper head
    fields=dict      further or other header fields, None to leave one out
    body=bytes       this instead of the file, without ranges
    then=bytes       the file from the second request on
    no_range=True    answer ranges with the whole file
    """

    def __init__(self, pem=None, key=None):
        self.files = {}
        self.requests = []
        self._how = {}
        self._context = None
        if pem:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pem, key)
        super().__init__(self._converse)

    def url(self, path, host="127.0.0.1", scheme=None):
        return f"{scheme or ('https' if self._context else 'http')}://{host}:{self.port}{path}"

    def put(self, path, content, **how):
        """A file, and how it is served; its URL."""
        self.files[path] = content
        self._how[path] = how
        return self.url(path)

    def _converse(self, connection):
        connection.settimeout(30)
        with contextlib.suppress(OSError, ValueError), connection:
            stream = connection
            if self._context:
                stream = self._secured(connection)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = stream.recv(4096)
                if not piece:
                    return
                request += piece
            self._answer(stream, request.decode("latin-1"))
            stream.close()

    def _secured(self, connection):
        """The connection after the handshake; a refused one is printed, for the report of the test that fails by it."""
        peer = connection.getpeername()
        try:
            return self._context.wrap_socket(connection, server_side=True)
        except OSError as error:
            print(f"update server at {self.port}: no handshake with {peer}: {error}")
            raise

    def _answer(self, stream, request):
        path = request.split(" ", 2)[1]
        found = re.search(r"(?im)^range: bytes=(\d+)-\r?$", request)
        how = self._how.get(path, {})
        offset = int(found[1]) if found and not how.get("no_range") and "body" not in how else 0
        self.requests.append((path, int(found[1]) if found else 0))
        content = how.get("body", self.files.get(path))
        if "then" in how:
            self.files[path] = how.pop("then")
        if content is None:
            stream.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        if offset >= len(content) and offset:
            stream.sendall(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n")
            return
        stream.sendall(how.get("head") or self._head(content, offset, how))
        self._send_body(stream, content[offset:], how)

    def _head(self, content, offset, how):
        fields = {"Content-Length": str(len(content) - offset), "ETag": f'"{hash(content) & 0xFFFFFFFF:x}"'}
        if offset:
            fields["Content-Range"] = f"bytes {offset}-{len(content) - 1}/{len(content)}"
        fields |= how.get("fields", {})
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        status = how.get("status", "206 Partial Content" if offset else "200 OK")
        return ("\r\n".join([f"HTTP/1.1 {status}", *lines]) + "\r\n\r\n").encode()

    def _send_body(self, stream, body, how):
        cut = how.get("cut")
        if how.get("cuts"):
            cut = how["cuts"].pop(0)
        if cut is not None:
            body = body[:cut]
        stream.sendall(body)


@contextlib.contextmanager
def serving(folder, host="127.0.0.1"):
    """A server with a good certificate for a host; (server, path of its root)."""
    pem, key, root = certificate_for(folder, host)
    server = UpdateServer(pem, key)
    try:
        yield server, root
    finally:
        server.close()
