"""The HTTP client against servers that keep to RFC 9112, and against those that do not. In memory, in manual time."""

import asyncio
import random

from check import equal, raises, raises_async, true
from peer import pair

from charger import clock
from charger.errors import HttpError
from charger.net import http_client
from charger.net import url as urls
from sim import timebase


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


class Server:
    """Answers each connection with the next of `answers`: bytes, or an async function of (server, end)."""

    def __init__(self, *answers, step=None):
        self.answers = list(answers)
        self.requests = []
        self.opened = []
        self.ends = []
        self.step = step  # bytes that go out at a time

    async def open_stream(self, host, port, context, deadline_ms):
        near, far = pair()
        self.opened.append((host, port, context))
        self.ends.append(near)
        self.task = asyncio.create_task(self._serve(far, self.answers.pop(0)))
        return near, near

    async def _serve(self, end, answer):
        if callable(answer):
            await answer(self, end)
            return
        self.requests.append(await whole_request(end))
        step = self.step or len(answer) or 1
        for at in range(0, len(answer), step):
            end.s.write(answer[at : at + step])
            await clock.sleep_ms(1)
        end.out.end()


async def whole_request(end):
    """(head, body) of a request with a Content-Length or without a body."""
    data = b""
    piece = bytearray(100)
    while b"\r\n\r\n" not in data:
        data += piece[: await end.readinto(piece)]
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += piece[: await end.readinto(piece)]
    return str(head, "utf-8"), body


async def fetch(answer, step=None, method="GET", most=100000):
    """(response, body) of one request that is answered so."""
    server = Server(answer, step=step)
    response = await http_client.request(method, "http://h/x", open_stream=server.open_stream)
    return response, await response.read(most)


OK = b"HTTP/1.1 200 OK\r\n"


async def test_bodies_of_all_framings_in_pieces_of_all_sizes():
    body = bytes(random.randint(0, 255) for _ in range(1700))
    chunked = b"Transfer-Encoding: Chunked\r\n\r\n"
    at = 0
    for size in (1, 2, 500, 600, 597):
        chunked += b"%x;a=b\r\n" % size + body[at : at + size] + b"\r\n"
        at += size
    chunked += b"0\r\nTrailer: x\r\n\r\n"
    for rest in (b"Content-Length: 1700\r\n\r\n" + body, chunked, b"\r\n" + body):
        for step in (1, 7, 511, 512, 513, None):
            response, got = await fetch(OK + rest, step)
            equal(got, body)
            equal(response.status, 200)
            equal(await response.readinto(bytearray(5)), 0)


async def test_request_line_headers_and_body_are_sent_as_given():
    server = Server(OK + b"Content-Length: 0\r\n\r\n")
    url = "http://us%40er:pass%3Aword@h:8080/a%20b?c=d#part"
    body = (b"x" * 700, b"", b"y" * 301)
    response = await http_client.request("PUT", url, None, (("Range", "bytes=5-"),), body, 1001, open_stream=server.open_stream)
    equal((response.status, response.length, await response.read(10)), (200, 0, b""))
    head, sent = server.requests[0]
    lines = head.split("\r\n")
    equal(lines[0], "PUT /a%20b?c=d HTTP/1.1")
    equal(sorted(lines[1:]), [
        "Accept-Encoding: identity", "Authorization: Basic dXNAZXI6cGFzczp3b3Jk", "Connection: close",
        "Content-Length: 1001", "Host: h:8080", "Range: bytes=5-", "User-Agent: Pilotlight",
    ])  # fmt: skip
    equal(sent, b"x" * 700 + b"y" * 301)
    equal(server.opened, [("h", 8080, None)])
    response.close()
    equal(server.ends[0].s.closed, 1)


async def test_answers_without_a_body_and_interim_ones():
    response, body = await fetch(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n")
    equal((response.status, body, response.fields), (204, b"", {}))
    response, body = await fetch(OK + b"Content-Length: 99\r\n\r\n", method="HEAD")
    equal((response.status, body), (200, b""))
    response, body = await fetch(b"HTTP/1.0 404 Not Found\nX: 1\nx:  2 \n\nno")  # bare line feeds
    equal((response.status, body, response.fields), (404, b"no", {"x": "1,2"}))
    true(response.complete_by_close)


async def test_hostile_answers_are_refused():
    for answer in (
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
        b"HTTP/1.1 200 " + b"x" * 5000,
        OK + b"no colon\r\n\r\n",
        OK + b": nothing\r\n\r\n",
        OK + b"Name : x\r\n\r\n",
        OK + b" folded: x\r\n\r\n",
        OK + b"A: " + b"x" * 3000 + b"\r\n\r\n",
        OK + b"A: b\r\n" * 3000 + b"\r\n",
        OK + b"A: b\r\n" * 101 + b"\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1e3\r\n\r\nx",
        OK + b"Content-Length: 0x10\r\n\r\nx",
        OK + b"Content-Length: 99999999999999\r\n\r\nx",
        OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Length: 10\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nab",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * 500 + b"\r\nabc\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 2000,
    ):
        error = await raises_async(HttpError, fetch(answer))
        true(error.cause in ("protocol", "closed"), answer[:60])


async def test_random_answers_are_survived():
    random.seed(7)
    good = OK + b"Transfer-Encoding: chunked\r\nX: y\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for _ in range(400):
        data = bytearray(good)
        for _ in range(random.randint(1, 3)):
            data[random.randint(0, len(data) - 1)] = random.randint(0, 255)
        try:
            _, body = await fetch(bytes(data))
            true(len(body) < 100)
        except HttpError:
            pass


async def test_a_body_longer_than_wanted_is_not_taken():
    for rest in (b"Content-Length: 101\r\n\r\n", b"\r\n"):
        await raises_async(HttpError, fetch(OK + rest + b"x" * 101, None, "GET", 100))
        equal(len((await fetch(OK + rest + b"x" * 101, None, "GET", 101))[1]), 101)


async def silence(server, end):
    await whole_request(end)


async def test_a_silent_server_is_abandoned_and_the_socket_closed():
    server = Server(silence)
    started = clock.ticks_ms()
    error = await raises_async(HttpError, http_client.request("GET", "http://h/", answer_ms=7000, open_stream=server.open_stream))
    equal(error.cause, "timeout")
    true(7000 <= clock.elapsed_ms(started) < 7500)
    equal(server.ends[0].s.closed, 1)


async def test_a_server_that_drips_is_abandoned_when_it_pauses_too_long():
    async def drip(server, end):
        await whole_request(end)
        end.s.write(OK + b"Content-Length: 5\r\n\r\n")
        for pause_ms in (900, 900, 1100):
            await clock.sleep_ms(pause_ms)
            end.s.write(b"x")

    server = Server(drip)
    response = await http_client.request("GET", "http://h/", step_ms=1000, open_stream=server.open_stream)
    error = await raises_async(HttpError, response.read(10))
    equal(error.cause, "timeout")


async def test_a_head_or_a_small_body_that_drips_ends_and_a_stream_may_take_its_time():
    """A byte each 25 s keeps the limit of each read, for days: the task of updates has more to do."""
    def dripping(first):
        async def drip(server, end):
            await whole_request(end)
            end.s.write(first)
            while not end.s.closed:
                await clock.sleep_ms(25000)
                end.s.write(b"x")

        return drip

    body = OK + b"Content-Length: 100\r\n\r\n"
    for first in (b"HTTP/1.1 2", OK + b"A: ", body, OK + b"Transfer-Encoding: chunked\r\n\r\n50\r\n", OK + b"\r\n"):
        started = clock.ticks_ms()
        server = Server(dripping(first))

        async def whole(server=server):
            response = await http_client.request("GET", "http://h/", open_stream=server.open_stream)
            await response.read(8192)

        error = await raises_async(HttpError, whole())
        equal(error.cause, "timeout", first)
        true(300000 <= clock.elapsed_ms(started) <= 660000, first)
        server.task.cancel()
    server = Server(dripping(body))
    response = await http_client.request("GET", "http://h/", open_stream=server.open_stream)
    piece, got = bytearray(1), 0
    while await response.readinto(piece):
        got += 1
    equal(got, 100)
    server.task.cancel()


async def test_a_cancelled_request_closes_its_socket():
    server = Server(silence)
    task = asyncio.create_task(http_client.request("GET", "http://h/", open_stream=server.open_stream))
    await clock.sleep_ms(50)
    task.cancel()
    await raises_async(asyncio.CancelledError, finish(task))
    equal(server.ends[0].s.closed, 1)


async def finish(task):
    await task


async def upload(server, body, length, **options):
    return await http_client.request("POST", "http://h/", None, (), body, length, open_stream=server.open_stream, **options)


async def test_an_upload_that_the_server_does_not_take_ends():
    async def stop_reading(server, end):
        end.inn.room = 2000

    server = Server(stop_reading)
    error = await raises_async(HttpError, upload(server, (b"x" * 10000,), 10000, step_ms=5000))
    equal(error.cause, "timeout")
    equal(server.ends[0].s.closed, 1)


async def test_a_refusal_in_the_middle_of_an_upload_is_heard():
    async def refuse(server, end):
        piece = bytearray(64)
        await end.readinto(piece)
        end.s.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        end.inn.end()  # further writes of the client fail

    equal((await upload(Server(refuse), (b"x" * 500 for _ in range(50)), 25000)).status, 413)

    async def hang_up(server, end):
        await end.readinto(bytearray(64))
        end.s.close()

    error = await raises_async(HttpError, upload(Server(hang_up), (b"x" * 500 for _ in range(50)), 25000))
    equal(error.cause, "closed")


async def test_a_success_before_the_body_was_sent_counts_for_nothing():
    async def too_early(server, end):
        await end.readinto(bytearray(64))
        end.s.write(OK + b"Content-Length: 0\r\n\r\n")
        end.inn.end()

    await raises_async(HttpError, upload(Server(too_early), (b"x" * 500 for _ in range(50)), 25000))


async def test_a_body_of_another_length_than_announced_is_never_sent_as_if_it_were_right():
    for body, length in (((b"abc",), 2), ((b"abc",), 4), ((), 1)):
        server = Server(silence)
        await raises_async(ValueError, upload(server, body, length))
        equal(server.ends[0].s.closed, 1)


async def test_redirects_on_the_same_server_only():
    def redirect(where, status=302):
        return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, where.encode())

    ok = OK + b"Content-Length: 2\r\n\r\nhi"
    server = Server(redirect("/y?z"), redirect("http://H:80/w", 308), ok)
    response = await http_client.get("http://u:p@h/x", open_stream=server.open_stream)
    equal(await response.read(10), b"hi")
    equal([r[0].split("\r\n")[0] for r in server.requests], ["GET /x HTTP/1.1", "GET /y?z HTTP/1.1", "GET /w HTTP/1.1"])
    true(all("Authorization: Basic dTpw" in r[0] for r in server.requests))
    for where in ("http://other/x", "http://h:81/x", "https://h/x", "//other/x", "", "x", "javascript:x", "http://h@other/"):
        server = Server(redirect(where), ok)
        error = await raises_async(HttpError, http_client.get("http://h/x", open_stream=server.open_stream))
        equal((error.cause, len(server.requests)), ("redirect", 1), where)
    server = Server(*[redirect("/x")] * 9)
    error = await raises_async(HttpError, http_client.get("http://h/x", open_stream=server.open_stream))
    equal((error.cause, len(server.requests)), ("redirect", 4))
    server = Server(redirect("/y"))
    equal((await http_client.request("POST", "http://h/x", open_stream=server.open_stream)).status, 302)


async def test_ranges():
    for text, wanted in (
        ("bytes 5-9/10", (5, 9, 10)), ("bytes 0-0/*", (0, 0, None)), ("bytes 9-5/10", None), ("bytes 5-10/10", None),
        ("bytes */10", None), ("items 1-2/3", None), ("bytes 1-2", None), ("", None), ("bytes a-b/c", None),
        ("bytes 1-2/-3", None),
    ):  # fmt: skip
        response, _ = await fetch(b"HTTP/1.1 206 Part\r\nContent-Range: " + text.encode() + b"\r\nContent-Length: 0\r\n\r\n")
        equal(response.content_range(), wanted, text)


async def test_invalid_requests_are_not_sent():
    server = Server()
    for url, context, fields in (
        ("ftp://h/x", None, ()), ("https://h/x", None, ()), ("http://h/x", "context", ()), ("/x", None, ()),
        ("http://h/x", None, (("A", "b\r\nC: d"),)), ("http://h/\r\nX: y", None, ()), ("http://h/é", None, ()),
    ):  # fmt: skip
        await raises_async(ValueError, http_client.request("GET", url, context, fields, open_stream=server.open_stream))
    equal(server.opened, [])


# --- URLs ---


def test_urls_and_their_parts():
    for text, wanted in (
        ("https://h", ("https", "h", 443, "/", None)),
        ("HTTPS://Example.org:8443/a/b?c=/@#d", ("https", "Example.org", 8443, "/a/b?c=/@", None)),
        ("http://h?q", ("http", "h", 80, "/?q", None)),
        ("https://[::1]:8/x", ("https", "::1", 8, "/x", None)),
        ("ftp://u:p@h/d", ("ftp", "h", 21, "/d", (b"u", b"p"))),
        ("ftp://u@h/d", ("ftp", "h", 21, "/d", (b"u", b""))),
        ("ftp://a%40b:c%3a%ffd@h", ("ftp", "h", 21, "/", (b"a@b", b"c:\xffd"))),
        ("http://u:p@q@h/", ("http", "h", 80, "/", (b"u", b"p@q"))),
    ):
        url = urls.split(text)
        equal((url.scheme, url.host, url.port, url.path, url.login), wanted, text)
    equal(urls.split("https://u:p@[::1]:8/secret").authority, "[::1]:8")
    equal(str(urls.split("https://u:p@h:443/secret?token")), "https://h")


def test_malformed_urls_are_refused():
    for text in (
        "", "h", "//h/x", "https:/h", "https://", "https:///x", "https://h:0/", "https://h:65536/", "https://h:x/",
        "https://[::1/x", "https://[::1]x/", "https://h /x", "https://h\n/", "https://h\\x/", "https://ä/",
        "https://u%4@h/", "https://u:%zz@h/", "x" * 3000, "ht tp://h/", "https://a b@h/",
    ):  # fmt: skip
        raises(ValueError, urls.split, text)
