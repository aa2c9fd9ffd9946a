"""The download of an update at the level of its pages: any interruption, any lie of link or flash (SEC-4, SEC-6)."""

import asyncio
import hashlib

import flashrig
from check import equal, raises, true
from update_rig import (
    BLOCK,
    UNIT,
    URL,
    ABRecord,
    DownloadSource,
    Response,
    begin,
    expect_refusal,
    new_download,
    run_to_end,
    signed_bundle,
)  # fmt: skip

from charger.crypto import ec
from charger.errors import UpdateError
from charger.runtime import cooperative, hold_ups
from charger.update import manifest as manifests
from charger.update.download import FILE, Download
from charger.update.manifest import check_fit, version_order
from charger.update.updater import Updater
from sim import timebase

HEAP = 8 * 1024 * 1024


async def test_a_good_one_lands_in_the_slot():
    begin()
    content, public, head = signed_bundle()
    slots = ABRecord()
    download = new_download(slots, DownloadSource(content), public)
    await download.fetch(URL)
    image = content[head:]
    equal(bytes(slots.flash[: len(image)]), image)
    equal((download.ready, download.digest), (True, hashlib.sha256(content).digest()))
    await download.fetch(URL)  # again: only looked at
    equal(slots.written, 9 * BLOCK - 2048)


class _Outlet:
    """An outlet whose contactor stays closed until then, or until its pilot is withdrawn."""

    is_closed = True

    def __init__(self):
        self.limits = self
        self.withdrawn = 0

    def set(self, _source, da, *_):
        if da == 0 and self.is_closed:
            self.withdrawn += 1
            self.is_closed = False


class _WatchedSlots(ABRecord):
    """Slots that note whether the contactor of an outlet was closed at each erase."""

    def __init__(self, outlet):
        super().__init__()
        self.outlet = outlet
        self.erased_closed = []

    def write(self, at, view):
        if not at % BLOCK:
            self.erased_closed.append(self.outlet.is_closed)
        super().write(at, view)


async def test_no_block_of_the_slot_is_erased_over_a_closed_contactor_whatever_a_handshake_takes():
    """An erase takes 45 to 400 ms on every board: the download waits for the end of the charging, and goes on after it."""
    content, public, _ = signed_bundle()
    for handshake_ms in (0, 1200):
        begin()
        outlet = _Outlet()
        slots = _WatchedSlots(outlet)
        hold_ups.configure([outlet], handshake_ms)
        download = new_download(slots, DownloadSource(content), public)
        task = asyncio.create_task(download.fetch(URL))
        while download.manifest is None and not task.done():  # its signature is verified first, in many slices
            await asyncio.sleep_ms(0)
        for _ in range(50):
            timebase.advance(1000)
            await asyncio.sleep_ms(0)
        equal((handshake_ms, slots.written, task.done(), outlet.withdrawn), (handshake_ms, 0, False, 0))
        outlet.is_closed = False
        await run_to_end(task)
        equal((handshake_ms, slots.erased_closed, slots.written), (handshake_ms, [False] * 9, 9 * BLOCK - 2048))
    hold_ups.configure([], 0)


async def test_the_link_ends_after_every_block():
    """Also in the middle of one, and with nothing at all a few times in a row."""
    begin()
    content, public, head = signed_bundle()
    slots = ABRecord()
    source = DownloadSource(content, lambda offset: {"end": offset + (head if not offset else 0) + BLOCK + 100})
    pauses = []
    download = new_download(slots, source, public)
    download.on_pause = pauses.append
    task = asyncio.create_task(download.fetch(URL))
    await run_to_end(task)
    equal(source.offsets, [0] + [head + n * BLOCK for n in range(1, 9)])
    equal(slots.written, 9 * BLOCK - 2048)
    equal(pauses, [True, False] * 8)
    true(download.ready)


async def test_one_that_is_cancelled_at_any_point_is_fetched_whole_by_the_next():
    """Another request takes its place: while what was kept over a restart is taken up, and from the first byte."""
    content, public, _ = signed_bundle(40)
    for kept in (False, True):
        for steps in range(0, 60, 3):
            begin()
            slots = ABRecord()
            if kept:
                await _fail_at(slots, 20, content, public)
            download = new_download(slots, DownloadSource(content), public)
            task = asyncio.create_task(download.fetch(URL))
            for _ in range(steps):
                await asyncio.sleep_ms(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            await download.fetch(URL)
            equal((download.ready, download.digest), (True, hashlib.sha256(content).digest()), (kept, steps))


async def test_silent_download_connection_is_abandoned():
    begin()
    content, public, head = signed_bundle()
    source = DownloadSource(content, lambda offset: {"end": max(offset, head + 3 * BLOCK)})
    download = new_download(ABRecord(), source, public)
    try:
        await run_to_end(asyncio.create_task(download.fetch(URL)))
    except UpdateError:
        raise AssertionError("it is the link, not the image")
    except OSError:
        pass
    equal(len(source.offsets), 9)
    source.how = lambda offset: {}
    await download.fetch(URL)  # asked again later, it goes on
    equal((source.offsets[-1], download.ready), (head + 3 * BLOCK, True))


async def test_a_server_that_begins_anew_at_each_link_is_abandoned():
    """Each time it ends elsewhere, so that there seems to be progress; each time blocks are erased and written again."""
    class Forgetful(DownloadSource):
        async def open(self, location, offset=0, etag=""):
            self.offsets.append(offset)
            true(len(self.offsets) < 30, "for ever")
            return Response(self.content, 0, end=head + (3 + len(self.offsets) % 5) * BLOCK)

    begin()
    content, public, head = signed_bundle()
    slots = ABRecord()
    source = Forgetful(content)
    try:
        await run_to_end(asyncio.create_task(new_download(slots, source, public).fetch(URL)))
        raise AssertionError("taken")
    except OSError:
        pass
    equal(len(source.offsets), 9)
    true(slots.written <= 9 * 7 * BLOCK, slots.written)


async def test_a_server_that_drips_is_abandoned():
    """Some bytes a second are no download: a page has a quarter of a minute to come in."""
    begin()
    content, public, _ = signed_bundle()
    source = DownloadSource(content, lambda offset: {"pause_ms": 1000, "piece": 60})
    try:
        await run_to_end(asyncio.create_task(new_download(ABRecord(), source, public).fetch(URL)))
        raise AssertionError("taken")
    except UpdateError:
        raise AssertionError("it is the link, not the image")
    except OSError as error:
        true("too slow" in str(error), str(error))


async def test_the_power_fails_at_every_block():
    """Blocks that were written are not requested again, but for those since the last note; a half one is."""
    for half in (False, True):
        for at in range(39):
            begin()
            content, public, head = signed_bundle(40)
            slots = ABRecord()
            slots.fail_at, slots.half = at, half
            try:
                await new_download(slots, DownloadSource(content), public).fetch(URL)
                raise AssertionError("the flash is dead")
            except OSError as error:
                equal(error.errno, -0x6001)
            slots.fail_at = None
            source = DownloadSource(content)
            download = new_download(slots, source, public)  # after the restart
            await download.fetch(URL)
            equal(source.offsets, [head + at // 16 * 16 * BLOCK if at >= 16 else head])
            equal(download.digest, hashlib.sha256(content).digest())


async def test_memory_is_short_at_any_block():
    """Something else needs it just then: tried again a little later, from the last note on; the hashes are right."""
    for at in (0, 1, 15, 16, 17, 39):
        begin()
        content, public, head = signed_bundle(40)
        slots = ABRecord()
        source = DownloadSource(content)
        updater = Updater(flashrig.files(), slots, {"board": "SIM", "hardware": 1}, [public], False)
        updater._download = download = new_download(slots, source, public)
        short = [at]
        count = download._count

        def starved(used, count=count, short=short, download=download):
            if download.done // BLOCK in short:
                short.clear()
                raise MemoryError
            count(used)

        download._count = starved
        await run_to_end(asyncio.create_task(updater.fetch(URL)))
        equal(source.offsets, [0, head + at // 16 * 16 * BLOCK])
        equal(download.digest, hashlib.sha256(content).digest())


async def test_no_memory_at_all_is_an_answer():
    begin()
    content, public, _ = signed_bundle(2)
    updater = Updater(flashrig.files(), ABRecord(), {"board": "SIM", "hardware": 1}, [public], False)
    updater._download = download = new_download(updater.slots, DownloadSource(content), public)

    def starved(_):
        raise MemoryError

    download._count = starved
    try:
        await run_to_end(asyncio.create_task(updater.fetch(URL)))
    except OSError as error:
        return true("no memory" in str(error), str(error))
    raise AssertionError("without memory")


async def _fail_at(slots, block, content, public):
    """A download that the flash ends in this block."""
    slots.fail_at = block
    try:
        await new_download(slots, DownloadSource(content), public).fetch(URL)
    except OSError:
        pass
    slots.fail_at = None


async def test_a_slot_that_changed_since_is_detected_and_the_next_attempt_is_clean():
    begin()
    content, public, _ = signed_bundle(40)
    slots = ABRecord()
    await _fail_at(slots, 33, content, public)
    slots.flash[3 * BLOCK : 4 * BLOCK] = bytes(BLOCK)
    download = new_download(slots, DownloadSource(content), public)
    await expect_refusal(download, "hash")
    equal(flashrig.files().read(FILE), None)
    source = DownloadSource(content)
    download = new_download(slots, source, public)
    await download.fetch(URL)
    equal((source.offsets, download.ready), ([0], True))


async def test_flash_that_holds_something_else_than_was_written():
    begin()
    content, public, _ = signed_bundle()
    slots = ABRecord()
    slots.altered_at = 5 * BLOCK + 1024
    await expect_refusal(new_download(slots, DownloadSource(content), public), "hash")


async def test_one_bit_in_each_of_64_places():
    """Head, signature or image, first byte or last: refused, and nothing of it is kept (SEC-4, SEC-6)."""
    content, public, head = signed_bundle(5)
    places = [n * (len(content) - 1) // 31 for n in range(32)] + [n * (head - 1) // 31 for n in range(32)]
    for number, at in enumerate(places):
        begin()
        changed = bytearray(content)
        changed[at] ^= 1 << number % 8
        download = new_download(ABRecord(), DownloadSource(bytes(changed)), public)
        try:
            await run_to_end(asyncio.create_task(download.fetch(URL)))
            raise AssertionError("taken with a bit flipped at %d" % at)
        except (UpdateError, OSError):
            equal((download.ready, download.digest), (False, None), at)


async def test_another_slot_or_place_starts_anew():
    """The content of a slot belongs to one location and one slot."""
    begin()
    content, public, _ = signed_bundle(40)
    slots = ABRecord()
    await _fail_at(slots, 20, content, public)
    source = DownloadSource(content)
    await new_download(slots, source, public).fetch(URL + "?other")
    equal(source.offsets, [0])


async def test_wrong_content_range_is_refused():
    for wrong in ((BLOCK, 1, 2), None, (0, 5, 6)):
        begin()
        content, public, head = signed_bundle()
        source = DownloadSource(content, lambda offset, h=head: {"end": h + 2 * BLOCK + 9} if not offset else {})
        download = new_download(ABRecord(), source, public)
        real = source.open

        async def open_wrong(location, offset=0, etag="", real=real, wrong=wrong):
            response = await real(location, offset, etag)
            if offset:
                response.range = wrong
            return response

        source.open = open_wrong
        try:
            await run_to_end(asyncio.create_task(download.fetch(URL)))
            raise AssertionError("taken")
        except UpdateError as error:
            equal(error.cause, "size")


async def test_an_etag_that_no_request_can_name_does_not_stop_the_next_attempt():
    """A link that is lost, then a request for the rest: what the server called the file is not repeated blindly (F-S4)."""
    for tag in ('"\u00e9"', '"a\tb"', 'W/"1"', '"' + "x" * 200 + '"', "1"):
        begin()
        content, public, head = signed_bundle()
        source = DownloadSource(content, lambda offset, h=head, t=tag: {"etag": t, "end": None if offset else h + 2 * BLOCK + 9})
        download = new_download(ABRecord(), source, public)
        asked = []
        real = source.open

        async def open_noted(location, offset=0, etag="", real=real, asked=asked):
            asked.append(etag)
            return await real(location, offset, etag)

        source.open = open_noted
        await run_to_end(asyncio.create_task(download.fetch(URL)))
        equal((asked, download.ready), (["", ""], True), tag)


async def test_the_location_with_its_login_is_not_kept_on_flash():
    begin()
    content, public, _ = signed_bundle()
    await new_download(ABRecord(), DownloadSource(content), public).fetch("https://user:geheim@updates.example/a")
    true(b"geheim" not in flashrig.files().read(FILE))


async def test_a_unit_without_keys_takes_nothing():
    begin()
    content, _, _ = signed_bundle()
    download = Download(flashrig.files(), DownloadSource(content), ABRecord(), [], UNIT)
    await expect_refusal(download, "signature")
    equal(download._source.offsets, [])


async def test_a_second_key_counts_as_well():
    begin()
    content, public, _ = signed_bundle()
    other = cooperative.run_now(ec.generate_key())[1]
    download = Download(flashrig.files(), DownloadSource(content), ABRecord(), [other, public], UNIT)
    await download.fetch(URL)
    true(download.ready)


def test_versions_are_ordered_as_people_expect():
    texts = ("0.1.0-rc.1", "0.1.0-rc.2", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0-a", "1.0.0", "10.0.0")
    for number in range(1, len(texts)):
        true(version_order(texts[number - 1]) < version_order(texts[number]), texts[number])
    for text in ("", "1.2", "1.2.3.4", "a.b.c", "1.2.3-", "-1.2.3", "1.2.300000", "1..2"):
        raises(UpdateError, version_order, text)


def test_every_field_has_its_type():
    good = {"format": 1, "board": "SIM", "version": "0.2.0", "counter": 1, "min_hardware": 1, "size": 5, "sha256": "00" * 32}
    check_fit(manifests.Manifest(good), UNIT, 4096)
    for name in good:
        for value in (None, [], {}, True, "x" * 70, -1, 1.5, 1 << 40):
            changed = dict(good)
            changed[name] = value
            if name == "board" and value == "x" * 70:
                continue
            try:
                found = manifests.Manifest(changed)
                check_fit(found, UNIT, 4096)
            except UpdateError:
                continue
            raise AssertionError("%s = %r" % (name, value))
