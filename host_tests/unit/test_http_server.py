"""The HTTP server of the page: what it reads of a stream, what it refuses and how, what it writes (SEC-13, SEC-26)."""

from check import equal, raises_async, true

from charger import clock
from charger.errors import RequestError
from charger.local_api import http_server
from charger.local_api.http_server import HttpConnection
from sim import timebase

GET = b"GET /api/status HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n"
PUT = b"PUT /api/settings HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
SECURITY = (
    "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
)  # fmt: skip
JSON = "Content-Type: application/json\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n"


class Stream:
    """A client: `received` comes in pieces of `step` bytes, then it closes; what is written to it is in `sent`."""

    def __init__(self, received=b"", step=1000, accepts=1000):
        self.received, self.step, self.accepts = received, step, accepts
        self.sent = bytearray()
        self.writes = []
        self.idle = True
        self.s = self

    async def readinto(self, view):
        self.idle = not self.idle
        if self.idle:
            return None  # as TLS does while a record is not whole
        count = min(len(view), len(self.received), self.step)
        view[:count] = self.received[:count]
        self.received = self.received[count:]
        return count

    def write(self, data):
        self.writes.append(len(data))
        if not self.accepts:
            return None
        count = min(len(data), self.accepts)
        self.sent.extend(bytes(data)[:count])
        return count


def teardown():
    timebase.set_scale(1)


async def read(received, step=1000):
    """The request, or (status, whether the connection ends) of the refusal."""
    try:
        return await HttpConnection(Stream(received, step)).read()
    except RequestError as error:
        return error.status, error.fatal


def request_with(line=b"GET / HTTP/1.1", *fields):
    return line + b"".join([b"\r\n" + field for field in fields]) + b"\r\n\r\n"


async def test_requests_in_pieces_and_one_after_the_other_are_read_whole():
    """The first byte has been read by the handshake; a body ends where its length says, and the next head follows."""
    body = bytes(range(256)) * 5
    for step in (1, 7, 400, 5000):
        stream = Stream((GET + PUT % len(body) + body + GET + PUT % 0 + GET)[1:], step)
        connection = HttpConnection(stream, b"G")
        seen = []
        for _ in range(5):
            request = await connection.read()
            seen.append((request.method, request.path, bytes(request.body)))
        equal(seen, [("GET", "/api/status", b""), ("PUT", "/api/settings", body), ("GET", "/api/status", b""),
                     ("PUT", "/api/settings", b""), ("GET", "/api/status", b"")], step)  # fmt: skip
        await raises_async(EOFError, connection.read())


async def test_a_client_that_closes_within_head_or_body_is_an_end_of_the_stream():
    for received in (b"", GET[:-1], PUT % 5 + b"1234"):
        await raises_async(EOFError, HttpConnection(Stream(received)).read())


async def test_a_request_has_its_path_its_query_and_the_fields_that_are_evaluated():
    request = await read(request_with(b"GET /api/log?last=5&a=b HTTP/1.1", b"HOST: \t10.0.0.2 ", b"Cookie:a=1;b=2",
                                      b"Accept: x", b"accept: y"))  # fmt: skip
    equal((request.method, request.path, request.query, request.fields, request.lasting, bytes(request.body)),
          ("GET", "/api/log", "last=5&a=b", {"host": "10.0.0.2", "cookie": "a=1;b=2"}, True, b""))  # fmt: skip
    for line, field, lasting in ((b"GET / HTTP/1.1", b"Connection: keep-alive", True), (b"GET / HTTP/1.0", b"A: b", False),
                                 (b"GET / HTTP/1.1", b"connection: Close", False)):  # fmt: skip
        equal((await read(request_with(line, field))).lasting, lasting, (line, field))


async def test_a_head_that_is_no_http_is_refused_and_ends_the_connection():
    for line in (b"", b"GET", b"GET /", b"GET / HTTP/1.1 x", b"G3T / HTTP/1.1", b"GETGETGE / HTTP/1.1", b"GET x HTTP/1.1",
                 b"GET /\x01 HTTP/1.1", b"GET /\t HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /\xc3\xa9 HTTP/1.1", b" / HTTP/1.1",
                 b"GET /% HTTP/1.1", b"GET /" + 200 * b"x" + b" HTTP/1.1"):  # fmt: skip
        equal(await read(request_with(line)), (400, True), line)
    for version in (b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/0.9"):
        equal(await read(request_with(b"GET / " + version)), (505, True), version)
    equal((await read(request_with(b"GETGETG /" + 199 * b"x" + b" HTTP/1.1"))).path, "/" + 199 * "x")


async def test_a_malformed_or_repeated_field_is_refused_and_ends_the_connection():
    for field in (b"no colon", b": no name", b"A: b\x01", b"A b: c", b" folded: line", b"A\t: b", b"A: \x7f"):
        equal(await read(request_with(b"GET / HTTP/1.1", field)), (400, True), field)
    equal(await read(request_with(b"GET / HTTP/1.1", b"Host: a", b"hoST: b")), (400, True))
    equal((await read(request_with(b"GET / HTTP/1.1", b"A: b\tc"))).path, "/")


async def test_the_length_and_the_lines_of_a_head_are_bounded():
    equal((await read(request_with(b"GET / HTTP/1.1", *[b"a:"] * 64))).path, "/")
    equal(await read(request_with(b"GET / HTTP/1.1", *[b"a:"] * 65)), (431, True))
    whole = request_with(b"GET / HTTP/1.1", b"A: " + (2048 - 23) * b"x")
    equal(len(whole), 2048)
    equal((await read(whole)).path, "/")
    equal(await read(whole[:30] + b"x" + whole[30:]), (431, True))
    connection = HttpConnection(Stream(whole[:30] + b"x" + whole[30:]))
    await raises_async(RequestError, connection.read())
    equal(len(connection._buffer), 2048)


async def test_a_body_whose_end_is_ambiguous_or_too_far_is_refused_and_ends_the_connection():
    for fields, status in (((b"Content-Length: 5", b"Transfer-Encoding: chunked"), 501),
                           ((b"Content-Length: 5", b"Expect: x"), 417), ((), 411),
                           ((b"Content-Length: -1",), 400), ((b"Content-Length: 1.0",), 400),
                           ((b"Content-Length:",), 400), ((b"Content-Length: 0000000001",), 400),
                           ((b"Content-Length: 2049",), 413)):  # fmt: skip
        for method in (b"POST", b"PUT"):
            equal(await read(request_with(method + b" / HTTP/1.1", *fields)), (status, True), fields)
    equal(await read(request_with(b"GET / HTTP/1.1", b"Content-Length: 1") + b"x"), (400, True))
    equal(bytes((await read(request_with(b"GET / HTTP/1.1", b"Content-Length: 0"))).body), b"")
    equal(len((await read(request_with(b"PUT / HTTP/1.1", b"Content-Length: 2048") + 2048 * b"x")).body), 2048)


def answer(status, length, more, last=False):
    end = "Connection: close\r\n" if last else ""
    return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s%s%s\r\n" % (status, length, SECURITY, more, end)).encode()


async def test_an_answer_is_json_with_its_length_in_pieces_of_512_bytes_at_most():
    text = [700 * "a", "é", b"bytes", "", 600 * "b"]
    body = 700 * b"a" + "é".encode() + b"bytes" + 600 * b"b"
    for accepts in (1000, 100):
        stream = Stream(accepts=accepts)
        await HttpConnection(stream).write(200, list(text), "Retry-After: 5\r\n", False)
        equal(bytes(stream.sent), answer("200 OK", len(body), JSON + "Retry-After: 5\r\n") + body)
        true(max(stream.writes) == 512, stream.writes)
    stream = Stream()
    await HttpConnection(stream).write(404, ["{}"], "", True, "Content-Type: text/plain\r\n")
    equal(bytes(stream.sent), answer("404 Not Found", 2, "Content-Type: text/plain\r\n", True) + b"{}")


async def test_a_file_is_written_in_pieces_and_of_one_that_the_client_has_the_head_alone():
    data = bytes(range(256)) * 5
    stream = Stream()
    await HttpConnection(stream).write_file(200, data, "ETag: x\r\n", True)
    equal(bytes(stream.sent), answer("200 OK", len(data), "ETag: x\r\n", True) + data)
    equal(stream.writes[1:], [512, 512, 256])
    stream = Stream()
    await HttpConnection(stream).write_file(304, data, "ETag: x\r\n", False)
    equal(bytes(stream.sent), answer("304 Not Modified", len(data), "ETag: x\r\n"))


async def test_a_client_that_does_not_read_its_answer_for_ten_seconds_is_given_up():
    """The ten seconds are those of the whole answer: one that reads a byte now and then is given up, too."""
    timebase.manual()
    for write in ("write", "write_file"):
        stream = Stream(accepts=0)
        connection = HttpConnection(stream)
        passed_ms = []
        sleep_ms = clock.sleep_ms

        async def wait(duration_ms, passed_ms=passed_ms, stream=stream):
            passed_ms.append(duration_ms)
            timebase.advance(duration_ms)
            stream.accepts = 1 if sum(passed_ms) % 1000 == 0 else 0

        clock.sleep_ms = wait
        try:
            data = [600 * "x"] if write == "write" else 600 * b"x"
            error = await raises_async(OSError, getattr(connection, write)(200, data, "", False))
        finally:
            clock.sleep_ms = sleep_ms
        equal(str(error), "the client does not read its answer")
        true(10000 <= sum(passed_ms) <= 10040, (write, sum(passed_ms)))


def test_each_status_that_the_local_api_answers_has_its_words():
    for status in (200, 400, 401, 403, 404, 405, 409, 421, 429, 500, 503):
        true(http_server._head_of(status, 0, "", False).startswith("HTTP/1.1 %d " % status))
