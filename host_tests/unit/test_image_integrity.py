"""The look at the own image, and what follows (SEC-8, SEC-9)."""

import asyncio
import hashlib

from check import equal, raises, true
from update_manager_rig import DAY_S, App, AppSlots, DownloadSource, let_pass, make_updates, notice

from charger import clock, version
from charger.errors import UpdateError
from charger.update import BROKEN, COUNTER, trial
from charger.update.update_manager import UpdateManager


async def test_one_flipped_bit_of_the_running_image_is_found():
    """Looked at every six hours; found altered the unit says so and is cut off, over restarts, until it is whole again."""
    source = DownloadSource(notice())
    updates, app, slots = make_updates(source, bytes(range(250)) * 400)
    await let_pass(updates._run(), DAY_S, 1)
    equal((app.link.barred, updates.altered), (None, False))
    true(slots.reads > 50, slots.reads)
    slots.image[70001] ^= 4
    await let_pass(updates._run(), 120, 1)
    equal(app.security_log.events[-1], "FirmwareIntegrityFailed")
    true(app.link.barred and updates.report()["altered"] and slots.numbers[BROKEN] == 1)
    app.link.barred = None
    again, _, _ = make_updates(source, app=app, slots=slots)
    true(app.link.barred, "after a restart, before anything was read")
    slots.image[70001] ^= 4
    await let_pass(again._run(), 120, 1)
    equal((app.link.barred, again.report()["altered"], slots.numbers[BROKEN]), (None, False, 0))


async def test_f_s7_an_image_below_the_confirmed_counter_leaves_the_network_before_it_is_used():
    """The confirmed counter is never undercut: an older image that somebody wrote to the flash sends its notice only."""
    slots = AppSlots(bytes(range(250)) * 40)
    slots.numbers[COUNTER] = version.COUNTER + 1
    updates, app, _ = make_updates(DownloadSource(notice()), slots=slots)
    equal(app.security_log.events, ["FirmwareIntegrityFailed"])
    true(updates.altered and updates.off_network and app.link.barred)
    await let_pass(updates._run(), 120, 1)
    true(updates.altered and updates.off_network and app.link.barred, "its hash is right, its counter is not")
    slots.numbers[COUNTER] = version.COUNTER
    updates, app, _ = make_updates(DownloadSource(notice()), slots=slots)
    equal((app.security_log.events, updates.altered, app.link.barred), ([], False, None))


async def test_f_s7_the_network_is_left_when_the_notice_was_taken_or_after_five_minutes():
    """From the discovery on the page is closed; the radio goes off behind the notice."""

    class Entry:
        event = "FirmwareIntegrityFailed"

    for taken in (True, False):
        slots = AppSlots(bytes(range(250)) * 40)
        slots.numbers[BROKEN] = 1
        slots.image[5] ^= 1
        app = App()
        app.security_log.entries = lambda first: (Entry(),)
        updates, _, _ = make_updates(DownloadSource(notice()), app=app, slots=slots)
        equal((updates.altered, updates.off_network, app.link.barred), (True, False, None))
        task = asyncio.create_task(updates._run())
        await let_pass(clock.sleep_s(60), 60, 1)
        equal((updates.altered, updates.off_network), (True, False))
        if taken:
            app.security_log.entries = lambda first: ()
        await let_pass(clock.sleep_s(30 if taken else 300), 30 if taken else 300, 1)
        true(updates.off_network and app.link.barred)
        task.cancel()


async def test_an_image_without_a_known_hash_is_not_accused():
    """The plain build's: who develops writes another one by cable."""
    updates, _, slots = make_updates(DownloadSource(notice()))
    slots.known = None
    await let_pass(updates._run(), 60, 1)
    equal((slots.reads, slots.known, updates.report()["altered"]), (0, None, False))


async def test_f_s7_a_unit_to_be_sold_knows_the_factorys_image_from_its_first_check_on():
    """Before any update: the hash of the whole slot, what is erased of it included; a start that is cut short stores none."""
    slots = AppSlots(bytes(range(250)) * 40)
    slots.known, slots.sold, slots.size = None, True, 12288
    slots.image += b"\xff" * (slots.size - len(slots.image))
    updates, app, _ = make_updates(DownloadSource(notice()), slots=slots)
    await let_pass(updates._run(), 5, 1)
    equal(slots.known, None)
    updates, _, _ = make_updates(DownloadSource(notice()), app=app, slots=slots)
    await let_pass(updates._run(), 60, 1)
    equal(slots.known, (12288).to_bytes(4, "big") + hashlib.sha256(slots.image).digest())
    equal((updates.altered, app.link.barred, set(app.security_log.events)), (False, None, {"UpdateChecked"}))
    for at in (0, 9999, 12287):
        slots.image[at] ^= 1
        updates, app, _ = make_updates(DownloadSource(notice()), slots=slots)
        await let_pass(updates._run(), 60, 1)
        equal((updates.altered, app.security_log.events[-1]), (True, "FirmwareIntegrityFailed"), at)
        slots.image[at] ^= 1
        await let_pass(updates._run(), 60, 1)


async def test_f_s7_what_is_no_hash_and_a_mark_without_one_are_no_clean_bill():
    """A hash of another length is that of no image; the mark of an altered one does not go with the hash."""
    for known in (b"", b"x", bytes(35), bytes(37)):
        slots = AppSlots(b"x" * 3000)
        slots.known = known
        updates, _, _ = make_updates(DownloadSource(notice()), slots=slots)
        await let_pass(updates._run(), 60, 1)
        equal((updates.altered, slots.numbers.get(BROKEN)), (True, 1), known)
    slots.known, slots.sold = None, True
    updates, _, _ = make_updates(DownloadSource(notice()), slots=slots)
    await let_pass(updates._run(), 60, 1)
    equal((updates.altered, slots.numbers[BROKEN], slots.known), (True, 1, None))


async def test_an_image_that_gave_up_its_trial_is_not_compared_with_the_hash_of_the_other():
    updates, app, slots = make_updates(DownloadSource(notice()))
    slots.image[5] ^= 1
    updates.updater().on_trial = True
    await updates._check_image()
    equal((slots.reads, app.security_log.events), (0, []))
    updates.updater().on_trial = False
    await let_pass(updates._check_image(), 60, 1)
    equal(app.security_log.events, ["FirmwareIntegrityFailed"])


async def test_a_unit_is_busy_while_its_updater_is_and_its_one_job_looks_at_the_image():
    updates, _, slots = make_updates(DownloadSource(notice()))
    updates.updater().on_trial = True
    equal(updates.busy, True)
    updates.updater().on_trial = False
    equal(updates.busy, False)
    ((name, job),) = updates.jobs()
    await let_pass(job(), 60, 1)
    equal((name, slots.reads > 0, updates._updater, updates.busy), ("update", True, None, False))


async def test_f_s7_an_older_image_whose_notice_waits_leaves_the_network_after_five_minutes():
    """Its hash is right: nothing but the start finds it."""

    class Entry:
        event = "FirmwareIntegrityFailed"

    slots, app = AppSlots(bytes(range(250)) * 40), App()
    slots.numbers[COUNTER] = version.COUNTER + 1
    app.security_log.entries = lambda first: (Entry(),)
    updates, _, _ = make_updates(DownloadSource(notice()), app=app, slots=slots)
    equal((updates.altered, updates.off_network), (True, False))
    await let_pass(updates._run(), 310, 1)
    true(updates.off_network and app.link.barred)


async def test_an_image_on_trial_is_tried_before_it_is_compared():
    updates, app, slots = make_updates(DownloadSource(notice()))
    tried = []

    async def run(updater, parts):
        tried.append((updater is updates.updater(), parts is app, slots.reads))
        updater.on_trial = False

    kept, trial.run = trial.run, run
    try:
        for on_trial in (False, True):
            updates.updater().on_trial = on_trial
            await let_pass(updates._run(), 5, 1)
            slots.reads = 0
    finally:
        trial.run = kept
    equal(tried, [(True, True, 0)])


async def test_an_image_that_is_found_altered_closes_the_page_at_once_and_a_restart_has_its_reason():
    updates, app, _ = make_updates(DownloadSource(notice()))
    restarts = []
    app.restart = lambda kind, why: restarts.append((kind, why))
    updates.updater()._restart("an update")
    equal(restarts, [("Soft", "an update")])
    equal((updates.altered, updates.report()["altered"]), (False, False))
    updates._altered()
    equal((updates.altered, updates._facts["altered"]), (True, True))


def test_the_source_of_updates_is_the_boards():
    updates, _, _ = make_updates(None)
    made = UpdateManager._source(updates)
    equal((made.check("https://h/a").host, made._lab), ("h", False))
    raises(UpdateError, made.check, "https://other/a")


def test_an_image_that_is_whole_again_opens_page_and_network_at_once_and_an_older_one_does_not():
    for counter, closed in ((version.COUNTER, False), (version.COUNTER + 1, True)):
        slots = AppSlots(b"x" * 3000)
        slots.numbers = {BROKEN: 1, COUNTER: counter}
        updates, app, _ = make_updates(None, slots=slots)
        equal((updates.altered, updates.off_network, bool(app.link.barred)), (True, True, True))
        updates._whole()
        equal((updates.altered, updates._facts["altered"], updates.off_network, bool(app.link.barred)), (closed,) * 4)
