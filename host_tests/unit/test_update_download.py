"""A download: what it takes up again, gives up, and leaves behind (SEC-6)."""

import asyncio
import hashlib
import random

import flashrig
from check import equal, raises_async, true
from update_rig import URL, ABRecord, DownloadSource, Response, begin, expect_refusal, new_download, run_to_end, signed_bundle

from charger.errors import HttpError, TlsError, UpdateError
from charger.runtime import hold_ups
from charger.update.download import FILE

HEAP = 8 * 1024 * 1024


async def test_nothing_is_left_of_a_download_that_is_discarded():
    begin()
    content, public, _ = signed_bundle(2)
    source = DownloadSource(content)
    download = new_download(ABRecord(), source, public)
    await download.fetch(URL)
    true(download.ready and download.digest and flashrig.files().exists(FILE))
    download.discard()
    equal((download.ready, download.digest, download.manifest, download.location, download.head, download.done),
          (False, None, None, "", b"", 0))  # fmt: skip
    equal(flashrig.files().exists(FILE), False)
    download.discard()
    await download.fetch(URL)
    equal((download.ready, source.offsets), (True, [0, 0]))


async def test_a_block_is_erased_with_open_contactors_and_its_other_pages_wait_for_nothing():
    begin()
    content, public, _ = signed_bundle(3)
    erased, kept = [], hold_ups.run_open

    async def run_open(action, at, page):
        erased.append(at)
        action(at, page)

    hold_ups.run_open = run_open
    try:
        source = Asked(content)
        await new_download(ABRecord(), source, public).fetch(URL)
    finally:
        hold_ups.run_open = kept
    equal((erased, source.answer.closed), ([0, 4096, 8192], True))


async def test_an_image_that_is_refused_is_forgotten_with_what_was_noted_of_it():
    begin()
    content, public, head = signed_bundle(2)
    altered = bytearray(content)
    altered[head + 100] ^= 1
    download = new_download(ABRecord(), DownloadSource(bytes(altered)), public)
    await expect_refusal(download, "hash")
    equal((download.ready, download.digest, download.manifest, flashrig.files().exists(FILE)), (False, None, None, False))


class Asked(DownloadSource):
    """Notes the tag of each request; `faults` are raised one a request, `refused` by check()."""

    def __init__(self, content, *faults, refused=None, etag='"1"'):
        super().__init__(content)
        self.tags = []
        self.faults = list(faults)
        self.refused = refused
        self.etag = etag

    def check(self, location):
        if self.refused is not None:
            raise self.refused
        return location

    async def open(self, location, offset=0, etag=""):
        self.offsets.append(offset)
        self.tags.append(etag)
        if self.faults:
            raise self.faults.pop(0)
        self.answer = Response(self.content, offset, etag=self.etag)
        return self.answer


async def test_a_location_that_is_not_allowed_is_refused_before_anything_else():
    begin()
    content, public, _ = signed_bundle(2)
    source = Asked(content, refused=UpdateError("origin", "no update host"))
    await expect_refusal(new_download(ABRecord(), source, public), "origin")
    equal(source.offsets, [])


async def test_the_buffer_is_free_after_a_download_and_after_a_failure():
    content, public, _ = signed_bundle(2)
    for source in (Asked(content), Asked(content, OSError(-0x6001))):
        begin()
        download = new_download(ABRecord(), source, public)
        try:
            await download.fetch(URL)
        except OSError:
            pass
        equal(len(download._buffer), 0)


async def test_a_whole_image_is_only_read_back_after_a_restart_and_a_part_goes_on_under_its_tag():
    begin()
    content, public, head = signed_bundle(40)
    slots = ABRecord()
    await new_download(slots, Asked(content), public).fetch(URL)
    source = Asked(content)
    again = new_download(slots, source, public)
    await again.fetch(URL)
    equal((again.ready, source.offsets), (True, []))
    begin()
    slots = ABRecord()
    slots.fail_at = 20
    error = await raises_async(OSError, new_download(slots, source, public).fetch(URL))
    equal((error.errno, source.offsets), (-0x6001, [0]), "a flash that fails is no lost link")
    slots.fail_at = None
    source = Asked(content)
    slots.flash[16 * 4096 :] = b"\xff" * (len(slots.flash) - 16 * 4096)
    await new_download(slots, source, public).fetch(URL)
    equal((source.offsets, source.tags), ([head + 16 * 4096], ['"1"']))


async def test_another_location_begins_anew_in_the_same_unit():
    begin()
    content, public, _ = signed_bundle(2)
    source = Asked(content)
    download = new_download(ABRecord(), source, public)
    await download.fetch(URL)
    await download.fetch(URL + "2")
    equal((source.offsets, source.tags), ([0, 0], ["", ""]))


async def test_a_note_of_another_form_begins_anew():
    content, public, _ = signed_bundle(2)
    for changed in ({"etag": 5}, {"etag": "x" * 129}, {"done": -1}, {"done": "5"}, {"head": "?"}, {"head": ""}, {"head": None},
                    {"slot": "ota_0"}, {"location": ""}):  # fmt: skip
        begin()
        slots, source = ABRecord(), Asked(content)
        await new_download(slots, source, public).fetch(URL)
        files = flashrig.files()
        files.write_json(FILE, dict(files.read_json(FILE), **changed))
        slots.flash[:] = b"\xff" * len(slots.flash)
        download = new_download(slots, source, public)
        await download.fetch(URL)
        equal((source.offsets, download.ready), ([0, 0], True), changed)


async def test_a_server_that_is_not_the_right_one_is_no_lost_link_but_one_that_broke_off_is():
    content, public, _ = signed_bundle(2)
    for cause in ("untrusted", "expired", "name", "certificate", "version"):
        begin()
        source = Asked(content, TlsError(cause, "x"))
        await expect_refusal(new_download(ABRecord(), source, public), "origin")
        equal(source.offsets, [0])
    for fault in (TlsError("reset", ""), TlsError("timeout", ""), TlsError("memory", ""), HttpError("closed", ""), OSError(104)):
        begin()
        source = Asked(content, fault)
        error = await raises_async(OSError, new_download(ABRecord(), source, public).fetch(URL))
        equal((isinstance(error, UpdateError), source.offsets), (False, [0]), "nothing was received: the caller tries again")


async def test_a_status_that_is_no_image_in_the_middle_is_asked_for_once():
    content, public, _ = signed_bundle(40)
    for fault, asked in ((HttpError("status", "404"), 2), (HttpError("redirect", ""), 2), (HttpError("protocol", ""), 2),
                         (HttpError("closed", ""), 3)):  # fmt: skip
        begin()
        slots = ABRecord()
        source = Asked(content)
        slots.fail_at = 20
        await raises_async(OSError, new_download(slots, source, public).fetch(URL))
        slots.fail_at = None
        slots.flash[16 * 4096 :] = b"\xff" * (len(slots.flash) - 16 * 4096)
        source.faults = [fault]
        task = asyncio.create_task(new_download(slots, source, public).fetch(URL))
        try:
            await run_to_end(task)
        except OSError:
            pass
        equal(len(source.offsets), asked, repr(fault))


class Bare(Asked):
    """Serves its content with a length that the test says, and the server's idea of the range."""

    def __init__(self, content, length=None, status=None, ends=()):
        super().__init__(content)
        self.length = length
        self.status = status
        self.ends = list(ends)

    async def open(self, location, offset=0, etag=""):
        self.offsets.append(offset)
        response = Response(self.content, 0 if self.status else offset, end=self.ends.pop(0) if self.ends else None)
        response.status = self.status or response.status
        response.length = self.length
        return response


async def refused(content, public, cause, words, length=None):
    """A file that is refused; nothing of it is written unless its manifest was right."""
    begin()
    slots = ABRecord()
    download = new_download(slots, Bare(content, length), public)
    error = await raises_async(UpdateError, download.fetch(URL))
    equal((error.cause, words in str(error), download.manifest), (cause, True, None), str(error))
    return slots.written


async def test_what_does_not_begin_as_an_update_is_refused_before_a_page_is_written():
    content, public, head = signed_bundle(2)
    manifest = content[4] << 8 | content[5]
    signature = 6 + manifest
    for altered in (b"PLU2" + content[4:], content[:4] + b"\x00\x00" + content[6:], content[:4] + b"\x04\x01" + content[6:],
                    content[:signature] + b"\x00\x00" + content[signature + 2 :],
                    content[:signature] + b"\x00\x51" + content[signature + 2 :]):  # fmt: skip
        equal(await refused(altered, public, "manifest", "not an update" if altered[3] == 50 else "length"), 0)
    for end in (3, 6, 50, signature, head - 1):
        equal(await refused(content[:end], public, "size", "ends in its manifest", end), 0)
    other, _, _ = signed_bundle(2, board="OTHER")
    equal(await refused(other, public, "board", "OTHER"), 0)
    for length in (len(content) - 1, len(content) + 1):
        equal(await refused(content, public, "size", "length", length), 0)


async def test_an_image_that_goes_on_behind_its_end_or_is_not_the_signed_one_is_refused():
    content, public, _ = signed_bundle(2)
    await refused(content + b"x", public, "size", "goes on")
    await refused(content[:-1] + b"x", public, "hash", "is not the signed one")


async def test_a_head_without_a_length_that_breaks_off_is_a_lost_link():
    begin()
    content, public, _ = signed_bundle(2)
    error = await raises_async(OSError, new_download(ABRecord(), Bare(content, ends=[10]), public).fetch(URL))
    equal(isinstance(error, UpdateError), False)


async def test_behind_the_image_its_last_page_is_as_after_an_erase():
    begin()
    found = []
    for digest in (None, "made of the first one"):
        random.seed(5)  # the same image again
        content, public, head = signed_bundle(2, size=6100, sha256=found[-1] if digest else "00" * 32)
        found.append(hashlib.sha256(content[head : head + 6100]).digest().hex())
    slots = ABRecord()
    await new_download(slots, Asked(content[: head + 6100]), public).fetch(URL)
    equal((bytes(slots.flash[:6100]), bytes(slots.flash[6100:6144])), (content[head : head + 6100], b"\xff" * 44))


async def test_a_server_that_begins_anew_and_breaks_off_in_its_manifest_is_asked_from_the_start():
    begin()
    content, public, head = signed_bundle(9)
    source = Bare(content, status=200, ends=[head + 5 * 4096, 20])
    task = asyncio.create_task(new_download(ABRecord(), source, public).fetch(URL))
    error = None
    try:
        await run_to_end(task)
    except OSError as failed:
        error = failed
    equal((source.offsets, error is None), ([0, head + 5 * 4096], False), "without a head there is no going on")
