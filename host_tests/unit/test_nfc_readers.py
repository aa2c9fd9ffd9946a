"""PN532 and RC522: the drivers that ship against simulated chips, register by register, with cards bit by bit."""

import sys

from card_polls import listen
from check import equal, raises, true

from charger.drivers import readers
from charger.drivers.readers.rc522 import crc_a
from sim import launch, timebase, world
from sim.readers import cards

KINDS = ("PN532", "PN532-UART", "RC522")
FOUR, SEVEN, TEN = "DEADBEEF", "04A2B3C4D5E680", "04112233445566778899"


def new(kind, silent=False):
    """(the world's chip, the driver) in a new world."""
    timebase.manual()
    launch.config["set"] = {"ReaderKind": kind}
    sys.modules.pop("board", None)
    chip = world.fresh().outlets[0].reader
    chip.broken = silent
    return chip, readers.make(sys.modules["board"].OUTLETS[0]["reader"])


def unit(kind):
    """(the world's chip, the driver) of a unit that has started."""
    chip, reader = new(kind)
    equal(listen(reader, 1500), [])
    equal((kind, reader.failed, reader.errors, chip.refused), (kind, False, 0, []))
    return chip, reader


def test_crc_a_is_that_of_the_standard():
    """ISO/IEC 14443-3, annex B: 00 00 gives A0 1E, 12 34 gives 26 CF."""
    equal(crc_a(b"\x00\x00"), b"\xa0\x1e")
    equal(crc_a(b"\x12\x34"), b"\x26\xcf")
    for length in range(9):
        data = bytes(range(0x93, 0x93 + length))
        equal(crc_a(data), cards.crc_a(data))


def test_uids_of_each_length_are_reported_once_until_they_were_away_for_two_seconds():
    for kind in KINDS:
        chip, reader = unit(kind)
        for uid in (FOUR, SEVEN, TEN, "88010203040506"):
            chip.lay(uid, 0)
            equal((kind, listen(reader, 10000)), (kind, [uid]))
            chip.lift()
            equal(listen(reader, 1500), [])
            chip.lay(uid, 0)
            equal((kind, listen(reader, 2000)), (kind, []))
            chip.lift()
            listen(reader, 2300)
            chip.swipe(uid)
            equal((kind, listen(reader, 2500)), (kind, [uid]))
        equal((kind, chip.refused), (kind, []))


def test_another_card_is_reported_at_once():
    for kind in KINDS:
        chip, reader = unit(kind)
        for uid in (FOUR, SEVEN, "FEEBDAED"):
            chip.lay(uid, 0)
            equal((kind, listen(reader, 1000)), (kind, [uid]))
            chip.lift()


def test_of_two_cards_each_is_reported_once_at_the_most_and_none_that_is_not_there():
    """They differ in their first bit, in the last one of a level, or in a later level only. They may be found in turn."""
    for kind in KINDS:
        for one, other in ((FOUR, "DFADBEEF"), (FOUR, "DEADBE6F"), (SEVEN, "04A2B3C4D5E690"), (SEVEN, FOUR), (TEN, SEVEN)):
            chip, reader = unit(kind)
            chip.lay(one, 0)
            chip.lay(other, 0)
            found = listen(reader, 6000)
            true(kind != "RC522" or other != "DFADBEEF" or found[0] == other, found)  # the one with a 1 in the first bit
            true(found and len(found) == len(set(found)) and set(found) <= {one, other}, (kind, one, other, found))


def test_a_silent_chip_has_failed_after_three_attempts_and_recovers():
    for kind in KINDS:
        chip, reader = unit(kind)
        chip.lay(FOUR, 0)
        equal(listen(reader, 1000), [FOUR])
        chip.broken = True
        while reader.errors < 2:
            equal(listen(reader, 100), [])
        true(not reader.failed)
        while reader.errors < 3:
            equal(listen(reader, 100), [])
        true(reader.failed)
        chip.broken = False
        listen(reader, 2500)
        true(not reader.failed)
        chip.lift()
        listen(reader, 1300)
        chip.swipe(SEVEN)
        equal((kind, listen(reader, 1500)), (kind, [SEVEN]))


def test_a_chip_that_takes_half_a_second_for_each_answer_is_waited_for():
    for kind in ("PN532", "PN532-UART"):
        chip, reader = new(kind)
        chip.slow_ms = 500
        chip.lay(SEVEN, 0)
        equal((kind, listen(reader, 4000)), (kind, [SEVEN]))
        equal((kind, reader.errors), (kind, 0))


def test_a_transmission_that_never_ends_is_a_failure():
    chip, reader = unit("RC522")
    chip.flaw = "stuck"
    listen(reader, 1000)
    true(reader.failed)
    chip.flaw = None
    chip.lay(SEVEN, 0)
    equal(listen(reader, 2000), [SEVEN])


def test_a_chip_that_was_never_there_has_failed_within_4_s():
    for kind in KINDS:
        _, reader = new(kind, silent=True)
        equal(listen(reader, 4000), [])
        true(reader.failed)


def test_half_frames_and_noise_give_no_card_that_is_not_there():
    for kind in KINDS:
        for flaw in ("half", "noise", "empty", "long") if kind == "RC522" else ("half", "noise"):
            chip, reader = unit(kind)
            chip.lay(SEVEN, 0)
            chip.flaw = flaw
            true(set(listen(reader, 30000)) <= {SEVEN}, (kind, flaw))
            chip.flaw = None
            chip.lift()
            listen(reader, 2500)
            equal((kind, flaw, reader.failed, chip.refused), (kind, flaw, False, []))
            chip.swipe(SEVEN)
            equal((kind, listen(reader, 2000)), (kind, [SEVEN]))


def test_a_uid_that_cannot_be_and_the_answer_to_another_command_are_no_card():
    for kind in ("PN532", "PN532-UART"):
        for flaw in ("absurd", "other"):
            chip, reader = unit(kind)
            chip.flaw = flaw
            chip.lay(SEVEN, 0)
            equal((kind, flaw, listen(reader, 3000)), (kind, flaw, []))
            true(reader.errors > 2)


def test_bytes_that_nobody_asked_for_are_no_card():
    chip, reader = unit("PN532-UART")
    for noise in (b"\x00\xff\x00\xff\x00\x00\xff", b"\x8f\x01\xe3\x55" * 20, b"\x00\x00\xff\x05\xfb\xd5\x4b\x01"):
        chip.send(noise)
        listen(reader, 2500)
        chip.swipe(FOUR)
        equal(listen(reader, 2500), [FOUR])
    true(not reader.failed)


def test_a_dip_of_the_chips_supply_is_mended_and_is_no_failure():
    for kind in KINDS:
        chip, reader = unit(kind)
        chip.power_up()
        listen(reader, 2500)
        equal((kind, reader.failed, chip.refused[1:]), (kind, False, []))
        chip.swipe(TEN)
        equal((kind, listen(reader, 2000)), (kind, [TEN]))


def test_a_late_poll_reports_no_card_twice():
    for kind in KINDS:
        chip, reader = unit(kind)
        chip.lay(SEVEN, 0)
        equal(listen(reader, 1000), [SEVEN])
        timebase.advance(5000)
        equal((kind, listen(reader, 3000)), (kind, []))


def test_a_poll_takes_a_few_milliseconds_of_the_bus():
    """The greatest of all polls, with cards of each length, collisions, and a chip that is silent: below 5 ms at 400 kHz."""
    spent = [0]
    real = timebase.cost

    def count(us, what):
        spent[0] += us

    for kind in KINDS:
        chip, reader = unit(kind)
        timebase.cost = count
        try:
            for uid in (FOUR, SEVEN, TEN):
                chip.lay(uid, 0)
            for n in range(60):
                chip.broken = n >= 40
                spent[0] = 0
                listen(reader, 100)
                true(spent[0] < 5000, (kind, spent[0]))
        finally:
            timebase.cost = real


def test_a_unit_makes_the_driver_that_its_board_names():
    raises(ValueError, readers.make, {"bus": 1, "kind": "pn533_i2c"})
    chip, _ = unit("RC522")
    for token in ("CARD", "0102", "010203040506", "zz112233"):
        raises(ValueError, chip.swipe, token)
