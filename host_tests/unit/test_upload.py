"""Uploads: what is sent, by which method, and what becomes of each answer (OCPP-118, SEC-12); the HTTP client is faked."""

import asyncio

from check import equal, raises_async, true

from charger.errors import BAD_LOCATION, FAILED, ConnectError, DnsError, FtpError, HttpError, UploadError
from charger.net import dns, ftp, upload
from charger.net.upload import Uploader
from sim import timebase

_kept = {}


class Web:
    """The module http_client: answers with these statuses, or raises them, one a request."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.open = 0

    async def request(self, method, url, context, fields, body, length, open_stream=None):
        content = b"".join([bytes(piece) for piece in body])
        self.sent.append((method, url.path, url.login, None if context is None else (context._roots, context.public),
                          fields[1:], content, length, open_stream))  # fmt: skip
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        self.status = answer
        self.open += 1
        return self

    def close(self):
        self.open -= 1


class Names:
    """A name server; `answer` is an address or what it raises."""

    def __init__(self, answer):
        self.answer = answer

    async def resolve(self, host, deadline_ms=0):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def setup():
    _kept["web"], _kept["ftp"], _kept["names"] = upload.http_client, ftp.upload, dns._resolver
    dns._resolver = Names("93.184.216.34")


def teardown():
    upload.http_client, ftp.upload, dns._resolver = _kept["web"], _kept["ftp"], _kept["names"]


def pieces():
    """The file."""
    yield b"ab"
    yield b"cde"


async def sent(web, location, **options):
    """The requests for this location."""
    upload.http_client = web
    uploader = Uploader(lambda: b"roots", options.pop("lab", False), "opener", **options)
    await uploader.send(location, "n.txt", pieces)
    equal((web.open, web.answers), (0, []))
    return web.sent


async def refusal(web, location="https://h/f", **options):
    """The fault of an upload that fails."""
    return await raises_async(UploadError, sent(web, location, **options))


async def test_a_folder_gets_a_put_under_the_files_name_and_any_other_location_a_post():
    tls = (b"roots", True)
    disposition = [("Content-Disposition", 'attachment; filename="n.txt"')]
    equal(await sent(Web(201), "https://u:p@h/logs/?token=a/"),
          [("PUT", "/logs/n.txt?token=a/", (b"u", b"p"), tls, [], b"abcde", 5, "opener")])  # fmt: skip
    equal(await sent(Web(200), "https://h/logs?to=a/"), [("POST", "/logs?to=a/", None, tls, disposition, b"abcde", 5, "opener")])
    equal(await sent(Web(299), "http://h/f", lab=True), [("POST", "/f", None, None, disposition, b"abcde", 5, "opener")])
    equal((await sent(Web(200), "https://h/f", home=True))[0][3], (b"roots", False))


async def test_a_server_without_the_method_gets_the_other_one_and_no_third():
    for location, methods in (("https://h/f/", ["PUT", "POST"]), ("https://h/f", ["POST", "PUT"])):
        for status in (405, 501):
            equal([one[0] for one in await sent(Web(status, 200), location)], methods)
            error = await refusal(Web(status, status), location)
            equal((error.cause, "%d" % status in str(error)), (FAILED, True))


async def test_any_other_status_is_a_failed_upload_and_no_second_request():
    for status in (199, 300, 302, 401, 403, 404, 500):
        web = Web(status)
        error = await refusal(web)
        equal((error.cause, "%d" % status in str(error), len(web.sent), web.open), (FAILED, True, 1, 0))


async def test_each_way_to_fail_is_told_in_one_word_with_its_reason():
    for fault, word in ((ConnectError("refused", "no listener"), "no listener"), (HttpError("closed", "too early"), "too early"),
                        (OSError(104), "104"), (OSError(), "OSError")):  # fmt: skip
        error = await refusal(Web(fault))
        equal((error.cause, word in str(error)), (FAILED, True), (repr(fault), str(error)))
    equal((await refusal(Web(ValueError("no field")))).cause, BAD_LOCATION)
    dns._resolver = Names(DnsError("no such name"))
    error = await refusal(Web())
    equal((error.cause, "no such name" in str(error)), (FAILED, True))
    dns._resolver = Names("192.168.1.9")
    equal((await refusal(Web())).cause, FAILED)


async def test_an_upload_without_an_end_is_given_up_after_a_quarter_of_an_hour():
    class Endless(Web):
        async def request(self, *_, **__):
            await asyncio.sleep_ms(10000000)

    timebase.manual()
    task = asyncio.create_task(refusal(Endless()))
    for minutes in range(16):
        for _ in range(10):
            await asyncio.sleep_ms(0)
        equal(task.done(), minutes > 14, minutes)
        timebase.advance(60000)
    error = await task
    equal((error.cause, "900 s" in str(error)), (FAILED, True))


async def test_a_laboratory_unit_uploads_by_ftp_alone_where_it_is_asked_to():
    seen = []

    async def put(location, name, content, open_stream=None):
        seen.append((location, name, b"".join(list(content)), open_stream))
        if len(seen) > 1:
            raise FtpError(550, "no")

    ftp.upload = put
    equal(await sent(Web(), "ftp://h/f/", lab=True), [])
    equal(seen, [("ftp://h/f/", "n.txt", b"abcde", "opener")])
    equal((await refusal(Web(), "ftp://h/f/", lab=True)).cause, FAILED)
    true(len(seen) == 2)


def test_no_more_of_the_file_is_read_than_was_announced():
    drawn = []

    def long():
        for number in range(9):
            drawn.append(number)
            yield b"ab"

    equal(b"".join([bytes(piece) for piece in upload.fitted(long(), 4)]), b"abab")
    equal(drawn, [0, 1])
