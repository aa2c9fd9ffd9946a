"""A flash that refuses to write: an order is refused as a whole; what happens by itself happens all the same. In manual time."""

from check import equal, raises_async, true
from ocpp_rig import Rig, id_tag_info, reserve

HEAP = 16 * 1024 * 1024


def refuse(_name, _content):
    raise OSError(28)


async def test_an_order_that_cannot_be_written_changes_nothing():
    rig = await Rig(2).online()
    equal(await reserve(rig, 1, 1), "Accepted")
    write, rig.files.write_json = rig.files.write_json, refuse
    await raises_async(OSError, reserve(rig, 2, 2))
    await raises_async(OSError, rig.call("CancelReservation", reservationId=1))
    for number in (0, 1, 2):
        await raises_async(OSError, rig.call("ChangeAvailability", connectorId=number, type="Inoperative"))
    rig.files.write_json = write
    equal(await rig.call("CancelReservation", reservationId=2), {"status": "Rejected"}, "the one that was refused")
    await rig.charge(2)
    await rig.plug(2, False)
    await rig.seconds(3)
    equal((rig.statuses()[-1], rig.statuses(2)[-1], rig.statuses(0)[-1]), ("Reserved", "Available", "Available"))
    equal(await rig.call("CancelReservation", reservationId=1), {"status": "Accepted"})


async def test_a_reservation_that_is_over_ends_and_one_that_is_used_charges():
    rig = await Rig(2).online()
    equal(await reserve(rig, 1, 1, after_s=20), "Accepted")
    equal(await reserve(rig, 2, 2), "Accepted")
    rig.files.write_json = refuse
    await rig.until(lambda: rig.statuses()[-1] == "Available", 30000)
    await rig.charge(2, "MINE")
    equal((await rig.sent("StartTransaction"))["reservationId"], 2)
    await rig.plug(2, False)
    await rig.shows("Available", 2)


async def test_an_answer_counts_where_the_queue_cannot_give_its_room_back():
    rig = await Rig().online()
    times = []

    def refuse_to_trim(_seq):
        times.append(1)
        raise OSError(5)

    rig.cp.transaction_queue._tx.trim = refuse_to_trim
    while len(times) < 3:
        session = await rig.charge()
        await rig.until(lambda s=session: s.transaction_id is not None)
        await rig.plug(1, False)
        await rig.shows("Available")


async def test_a_card_is_accepted_and_a_verdict_counts_without_the_cache():
    rig = await Rig().online()
    write = rig.files.write

    def refuse_the_cache(name, content):
        if name == "ocpp_cache":
            raise OSError(28)
        write(name, content)

    rig.files.write = refuse_the_cache
    rig.link.answers["StartTransaction"] = dict(id_tag_info("Blocked"), transactionId=7)
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG00001")
    equal((await rig.sent("StopTransaction"))["reason"], "DeAuthorized")
    true(rig.cp.id_tags.local("TAG00001") is None)
