"""DNS and plain HTTP that lead a phone from the set-up network to the page, both open only as long as that network.

Every name has the unit's own address (RFC 1035, A records), and every HTTP path but / leads to /, a small page with a link to
the page over HTTPS. A phone's probe (/generate_204, /hotspot-detect.html, /ncsi.txt ...) then shows it by itself. Nothing is
taken in by plain HTTP: no query and no body is read (SEC-12, SEC-19). Both answer a bounded number of times a second.
"""

import asyncio
import socket

from micropython import const

from charger import clock, log
from charger.net.dns import readable

_PAUSE_MS = const(20)  # between two queries or connections: 50 a second at the most
_QUERY = const(512)
_HEADER = const(12)
_CLIENTS = const(3)  # connections at once
_HEAD = const(2048)
_STEP = const(256)
_REQUEST_MS = const(3000)  # from the connection to its end
_WAITING = const(4)
_HTTPS, _HTTP = const(443), const(80)

_HEADERS = "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<title>Charger</title>'
    '<h2><a href="#">#</a></h2><p>Open this address to set the charger up, and accept its certificate.'
    '<p lang="de">Öffnen Sie diese Adresse, um die Ladestation einzurichten, und akzeptieren Sie ihr Zertifikat.'
    '<p lang="nl">Open dit adres om de laadpaal in te stellen en accepteer zijn certificaat.'
    '<p lang="fr">Ouvrez cette adresse pour configurer la borne et acceptez son certificat.'
)


def start(address: str, ports: tuple) -> list:
    """Start both servers at the unit's address in the set-up network; the tasks, to be cancelled when it closes.

    `ports`: those of DNS, of HTTP, and of the page over HTTPS.
    """
    names, plain, page = ports
    home = "http://%s/" % authority(address, plain, _HTTP)
    link = "https://%s/" % authority(address, page, _HTTPS)
    return [asyncio.create_task(_guarded(_answer_names(address, names))),
            asyncio.create_task(_guarded(_answer_requests(address, plain, home, link)))]


def authority(address: str, port: int, usual: int) -> str:
    """Host and port of a URL; without the port where it is the usual one."""
    return address if port == usual else "%s:%d" % (address, port)


async def _guarded(server: Any) -> None:
    """Without one of the two servers the page is reached by its address."""
    try:
        await server
    except (OSError, MemoryError) as error:
        log.warn("wifi", "captive portal: " + log.reason(error))


def _bound(kind: int, address: str, port: int):
    """A socket that does not block, at an address of this unit. OSError."""
    info = socket.getaddrinfo(address, port, 0, kind)[0]
    s = socket.socket(info[0], kind)
    try:
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(info[-1])
    except OSError:
        s.close()
        raise
    return s


# --- DNS ---


async def _answer_names(address: str, port: int) -> None:
    own = bytes([int(part) for part in address.split(".")])
    s = _bound(socket.SOCK_DGRAM, address, port)
    try:
        while True:
            await readable(s)  # type: ignore[misc] - a generator is awaitable here
            try:
                query, sender = s.recvfrom(_QUERY)
                answer = response(query, own)
                if answer is not None:
                    s.sendto(answer, sender)
            except OSError:  # the sender has gone, or the stack has no room: it asks again
                pass
            await clock.sleep_ms(_PAUSE_MS)
    finally:
        s.close()


def response(query: bytes, own: bytes) -> bytes | None:
    """The response to a query with one question: the own address for A, no record for other types; None for anything else."""
    if len(query) < _HEADER + 5 or query[2] & 0xF8 or query[4:6] != b"\x00\x01":  # a response, another opcode
        return None
    at = _HEADER
    while query[at]:
        at += 1 + query[at]
        if at + 5 > len(query):
            return None
    end = at + 5
    is_address = query[at + 1 : end] == b"\x00\x01\x00\x01"
    flags = (0x84 | query[2] & 1, 0, 0, 1, 0, 1 if is_address else 0, 0, 0, 0, 0)  # authoritative; recursion as desired
    out = bytearray(query[:2] + bytes(flags) + query[_HEADER:end])
    if is_address:
        out.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04")  # the question's name, A, IN, time to live 0
        out.extend(own)
    return bytes(out)


# --- HTTP ---


async def _answer_requests(address: str, port: int, home: str, link: str) -> None:
    listener = _bound(socket.SOCK_STREAM, address, port)
    inside = []
    try:
        listener.listen(_WAITING)
        while True:
            await readable(listener)  # type: ignore[misc] - a generator is awaitable here
            try:
                client = listener.accept()[0]
            except OSError:  # the client has closed it already
                continue
            if len(inside) < _CLIENTS:
                inside.append(client)
                asyncio.create_task(_serve(client, inside, home, link))  # noqa: RUF006 - MicroPython's scheduler holds its tasks
            else:
                client.close()
            await clock.sleep_ms(_PAUSE_MS)
    finally:
        listener.close()


async def _serve(client: Any, inside: list, home: str, link: str) -> None:
    """Answer one request and close."""
    try:
        client.setblocking(False)
        await asyncio.wait_for_ms(_exchange(asyncio.StreamReader(client), home, link), _REQUEST_MS)
    except (OSError, EOFError, MemoryError, asyncio.TimeoutError):
        pass  # closed, too slow, or no room: the phone asks again
    finally:
        client.close()
        inside.remove(client)


async def _exchange(stream: Any, home: str, link: str) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        more = await stream.read(_STEP)
        if not more or len(head) > _HEAD:
            raise EOFError("no request")
        head += more
    stream.write(answer(head, home, link))
    await stream.drain()


def answer(head: bytes, home: str, link: str) -> bytes:
    """The whole answer to a request's head."""
    words = head[: head.find(b"\r\n")].split(b" ")
    if len(words) != 3 or words[0] not in (b"GET", b"HEAD"):
        return ("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n" + _HEADERS).encode()
    if words[1] != b"/":
        return ("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n" % home + _HEADERS).encode()
    page = _PAGE.replace("#", link).encode()
    text = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n" % len(page) + _HEADERS
    return text.encode() + (b"" if words[0] == b"HEAD" else page)
