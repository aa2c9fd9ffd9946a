"""The queue of transaction messages on flash: readings, a full flash, power cuts (OCPP-39). In manual time."""

import flashrig
from check import equal, true
from queue_rig import Rig

from charger import clock
from charger.errors import CallTimeoutError
from charger.ocpp.v16.transaction_queue import START, STOP
from sim import flash as simflash

HEAP = 32 * 1024 * 1024  # the flash is in it


async def test_readings_spare_the_flash_while_the_link_is_up():
    flash = flashrig.fresh()
    rig = Rig(flashrig.files())
    rig.start()
    rig.begin(1)
    await rig.empty()
    writes = flash.writes
    for n in range(20):
        rig.read(1, n)
        await rig.empty()
    equal((rig.marks(), flash.writes - writes), (list(range(20)), 0))


async def test_readings_go_to_flash_when_the_link_goes_and_are_not_lost():
    rig = Rig()
    rig.start()
    rig.begin(1)
    await rig.empty()
    rig.answer = lambda action, payload: CallTimeoutError("busy")
    for n in range(3):
        rig.read(1, n)
    await clock.sleep_ms(0)
    rig.cut()
    rig.box.flush_to_flash()
    rig.restart()
    equal(rig.box.waiting, 3)
    rig.sent.clear()
    rig.answer = lambda action, payload: {}
    rig.link()
    rig.start()
    await rig.empty()
    equal(rig.marks(), [0, 1, 2])


async def test_a_reading_spilt_while_it_is_on_its_way_is_not_sent_twice():
    rig = Rig()
    rig.start()
    rig.begin(1)
    await rig.empty()
    rig.read(1, 5)
    await clock.sleep_ms(0)
    equal(rig.marks(), [5])
    rig.box.flush_to_flash()
    await rig.empty()
    rig.restart()
    rig.start()
    await clock.sleep_ms(50)
    equal((rig.marks(), rig.box.waiting), ([5], 0))


async def test_five_hundred_messages_and_more_wait_for_days_ocpp39():
    flashrig.fresh(blocks=128)
    rig = Rig(flashrig.files())
    rig.cut()
    for n in range(300):
        rig.begin(n, n)
        rig.read(n, n)
        rig.end(n, n)
    rig.restart()
    true(rig.box.waiting > 600, str(rig.box.waiting))
    rig.start()
    rig.link()
    await rig.empty()
    starts = [p["meterStart"] for _, action, p in rig.sent if action == START]
    stops = [p["meterStop"] for _, action, p in rig.sent if action == STOP]
    equal((starts, stops), (list(range(300)), list(range(300))))
    ids = [p.get("transactionId") for _, action, p in rig.sent if action == STOP]
    equal(len(set(ids)), 300)


async def test_the_oldest_readings_go_first_and_never_a_start_or_stop_ocpp39():
    flashrig.fresh(blocks=96)
    rig = Rig(flashrig.files())
    rig.read_offline(1500)
    rig.end(1)
    rig.start()
    rig.link()
    await rig.empty()
    marks = rig.marks()
    true(200 < len(marks) < 1500, str(len(marks)))
    equal(marks, list(range(1500 - len(marks), 1500)), "the newest are kept, in order")
    equal((rig.order()[0], rig.order()[-1]), (START, STOP))


async def test_a_flash_without_room_gives_readings_up_for_a_stop():
    flashrig.fresh(blocks=40)
    rig = Rig(flashrig.files())
    rig.read_offline(1500)
    for n in range(2, 300):
        rig.begin(n)
        rig.end(n)
    rig.end(1)
    rig.start()
    rig.link()
    await rig.empty()
    equal(rig.order().count(START), 299)
    equal(rig.order().count(STOP), 299)


async def cut_once(at, way):
    """Two sessions with the power cut after so many flash operations; True when the cut came at all."""
    device = flashrig.fresh(blocks=40)
    rig = Rig(flashrig.files())
    rig.answer = lambda action, payload: {"transactionId": 1000 + payload["meterStart"]} if action == START else {}
    device.cut_after(at, way)
    rig.start()
    promised = []
    for n in (1, 2):
        for is_start in (True, False):
            (rig.begin if is_start else rig.end)(n, n)
            if not rig.box.dropped:
                promised.append((is_start, n))
        await clock.sleep_ms(30)
    cut = not device.powered
    rig.task.cancel()
    flashrig.restart(device)
    rig.files = flashrig.files()
    rig.restart()
    rig.start()
    await rig.empty()
    got = []
    for _, action, payload in rig.sent:  # a back end takes the same message once
        number = payload["meterStart"] if action == START else payload["meterStop"]
        if (action == START, number) not in got:
            got.append((action == START, number))
        if action == STOP:
            equal(payload["transactionId"], 1000 + number, "cut at %d, %s" % (at, way))
    equal(got[: len(promised)], promised, "cut at %d, %s" % (at, way))
    return cut


async def test_the_power_is_cut_at_each_write_and_what_was_promised_is_delivered_in_order():
    for way in (simflash.DROP, simflash.HALF, simflash.LATE):
        at = 0
        while await cut_once(at, way):
            at += 1
        true(at > 20, "%d cuts" % at)
