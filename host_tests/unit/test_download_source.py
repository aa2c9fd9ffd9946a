"""Allowed sources of an update, and what is asked there (SEC-6); the HTTP client is faked."""

from check import equal, raises, raises_async, true

from charger.errors import HttpError, UpdateError
from charger.net import ftp, time_sources
from charger.update import download_source
from charger.update.download_source import DownloadSource

URL = "https://Updates.example/a.plu"
_kept = {}


class Web:
    """The module http_client: one answer; `asked` are the requests."""

    def __init__(self, status, date=None):
        self.asked = []
        self.status = status
        self.fields = {"date": date}
        self.closed = False

    async def get(self, location, context, fields, open_stream=None):
        self.asked.append((location, None if context is None else context._roots, fields, open_stream))
        return self

    def close(self):
        self.closed = True


def setup():
    _kept["web"], _kept["heard"], _kept["ftp"] = download_source.http_client, time_sources.heard_date, ftp.download


def teardown():
    download_source.http_client, time_sources.heard_date, ftp.download = _kept["web"], _kept["heard"], _kept["ftp"]


def source(*hosts, lab=False):
    """A source with these hosts."""
    return DownloadSource({"hosts": hosts, "roots": b"roots"}, lab, "opener")


def test_only_configured_hosts_over_tls_and_in_a_laboratory_other_schemes():
    for lab, hosts, allowed, refused in (
        (False, ("updates.example",), (URL, "https://updates.example:8443/b"),
         ("http://updates.example/a", "ftp://updates.example/a", "https://x.updates.example/a", "no url", "")),
        (False, (), (), (URL,)),
        (True, ("updates.example",), (URL, "http://updates.example/a", "ftp://updates.example/a"), ("https://h/a",)),
        (True, (), (URL, "http://other.example/a", "ftp://1.2.3.4/a"), ("wss://other.example/a", "no url")),
    ):
        for location in allowed:
            equal(source(*hosts, lab=lab).check(location).path[0], "/", location)
        for location in refused:
            equal(raises(UpdateError, source(*hosts, lab=lab).check, location).cause, "origin", (lab, hosts, location))


async def test_no_byte_is_sent_to_a_host_that_is_not_allowed():
    download_source.http_client = web = Web(200)
    await raises_async(UpdateError, source("other.example").open(URL))
    equal(web.asked, [])


async def test_the_missing_part_is_asked_for_under_the_tag_of_the_first_answer():
    for offset, etag, status, fields in (
        (0, '"1"', 200, []), (7, "", 206, [("Range", "bytes=7-")]),
        (7, '"1"', 206, [("Range", "bytes=7-"), ("If-Range", '"1"')]),
        (7, '"1"', 200, [("Range", "bytes=7-"), ("If-Range", '"1"')]),
    ):  # fmt: skip
        download_source.http_client = web = Web(status)
        true(await source("updates.example").open(URL, offset, etag) is web)
        equal((web.asked, web.closed), ([(URL, b"roots", fields, "opener")], False))


async def test_an_answer_with_another_status_is_closed_and_is_no_image():
    for offset, status in ((0, 206), (0, 404), (7, 404), (7, 304), (0, 500)):
        download_source.http_client = web = Web(status)
        error = await raises_async(HttpError, source("updates.example").open(URL, offset))
        equal((error.cause, web.closed), ("status", True), (offset, status))


async def test_the_date_of_an_answer_is_evidence_of_the_time_where_tls_has_proved_the_host():
    heard = []
    time_sources.heard_date = lambda host, date: heard.append((host.lower(), date))
    for location in (URL, "http://updates.example/a"):
        download_source.http_client = web = Web(200, "now")
        await source(lab=True).open(location)
        equal(web.asked[0][1], b"roots" if location is URL else None)
    equal(heard, [("updates.example", "now")])


async def test_a_laboratory_unit_fetches_by_ftp():
    async def download(location, offset, open_stream=None):
        return location, offset, open_stream

    ftp.download = download
    equal(await source(lab=True).open("ftp://h/a", 5), ("ftp://h/a", 5, "opener"))
