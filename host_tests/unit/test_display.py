"""The status display: which texts, what is drawn on an SSD1306, how long a step takes, a display that does not answer."""

import framebuf
from check import equal, raises, true
from thing import Thing

from charger.drivers import displays
from charger.outlet.limits import Limits
from charger.status_display import StatusDisplay, _hint, rows_of
from sim import timebase, world
from sim.displays.ssd1306 import SSD1306Chip

OPTIONS = {"kind": "ssd1306", "bus": 30, "address": 0x3C}


def connector(status="Available", number=1, error="NoError", why="", session=None, watts=0, usable=True):
    reading = Thing(usable=lambda: usable, total_mw=lambda: watts * 1000)
    meter = Thing(reading=reading, reported_wh=lambda: 12345)
    outlet = Thing(limits=Limits(320))
    return Thing(id=number, status=status, error_code=error, why_no_energy=lambda: why, session=session, meter=meter,
                 outlet=outlet)  # fmt: skip


def parts(*connectors, failed=None, busy=False, setup=None, connected=True, names=()):
    network = Thing(setup=setup), Thing(isconnected=lambda: connected), Thing(names=lambda: names)
    return connectors or (connector(),), Thing(failed=failed), Thing(busy=busy), network


def rows(unit):
    connectors, *of_unit = unit
    found = rows_of(connectors[0], connectors, _hint(*of_unit), 8, 16)
    equal(len(found), 8)
    true(max(len(row) for row in found) <= 16, found)
    return found


def shown(unit):
    """(the chip, the display's poll) of a unit that was just switched on."""
    timebase.manual()
    chip = SSD1306Chip()
    world.fresh().i2c[30] = {0x3C: chip}
    return chip, StatusDisplay(*unit, displays.make(OPTIONS))


def poll(display, times=10):
    for _ in range(times):
        display.poll()


def test_rows_of_a_free_and_of_a_charging_connector():
    equal(rows(parts()), ["Ready", "", "Limit 32.0 A", "by the charger's", "own maximum", "", "", ""])
    charging = connector("Charging", session=Thing(start_wh=2045), watts=7360)
    charging.outlet.limits.set("cable", 200, 0)
    equal(rows(parts(charging)), ["Charging", "7.3kW 10.3kWh", "Limit 20.0 A", "by the cable", "", "", "", ""])
    for watts, usable in ((7360, False), (-260, True)):
        pausing = connector("SuspendedEV", session=Thing(start_wh=0), watts=watts, usable=usable)
        equal(rows(parts(pausing))[:2], ["Car pauses", "0.0kW 12.3kWh"])


def test_the_reason_for_waiting_and_the_fault_stand_in_three_rows():
    why = "paused by the charging profile of the back end until 22:15"
    waiting = connector("SuspendedEVSE", why=why, session=Thing(start_wh=0))
    equal(rows(parts(waiting))[3:6], ["paused by the", "charging profile", "of the back end"])
    equal(rows(parts(connector("Faulted", error="GroundFailure")))[0], "FAULT")
    equal(rows(parts(connector("Faulted", error="GroundFailure")))[3:5], ["GroundFailure", ""])
    equal(rows(parts(connector("Faulted", error="EVCommunicationError")))[3:5], ["EVCommunicationE", "rror"])


def test_the_hint_says_what_is_to_be_done():
    for unit, hint in (
        (parts(setup=Thing(left_s=61)), ["Set-up Wi-Fi is", "open: 2 min"]),
        (parts(connected=False), ["No network: hold", "the button"]),
        (parts(connected=False, names=("wifi/name",)), ["No network", ""]),
        (parts(busy=True), ["Update: leave", "the power on"]),
        (parts(failed="control"), ["Failed: control", ""]),
    ):
        equal(rows(unit)[6:], hint)


def test_what_is_drawn_is_the_text_pixel_by_pixel():
    unit = parts()
    chip, display = shown(unit)
    equal(chip.rows(), [])
    poll(display)
    true(chip.lit)
    page = bytearray(128)
    frame = framebuf.FrameBuffer(page, 128, 8, framebuf.MONO_VLSB)
    for row, text in enumerate(rows(unit)):
        frame.fill(0)
        frame.text(text, 0, 0)
        equal((row, chip.pixels(row)), (row, bytes(page)))
    equal(chip.rows(), rows(unit))
    equal(chip.refused, [])


def test_a_step_writes_one_row_and_only_what_has_changed():
    unit = parts()
    chip, display = shown(unit)
    poll(display, 11)
    equal(chip.longest, 129)
    spent, real = [0], timebase.cost

    def count(us, what):
        spent[0] += us

    timebase.cost = count
    try:
        poll(display, 40)
        equal(spent[0], 0)
        unit[0][0].status = "Preparing"
        for _ in range(20):
            spent[0] = 0
            poll(display, 1)
            true(spent[0] < 4000, spent[0])
    finally:
        timebase.cost = real
    equal(chip.rows()[0], "Preparing")


def test_connectors_take_turns():
    unit = parts(connector(), connector("Faulted", 2, "GroundFailure"))
    chip, display = shown(unit)
    seen = set()
    for _ in range(12):
        poll(display)
        seen.add(chip.rows()[0])
    equal(seen, {"1 Ready", "2 FAULT"})


def test_a_display_that_is_not_there_is_asked_every_10_s_and_found_when_it_comes():
    unit = parts()
    chip, display = shown(unit)
    chip.silent = True
    poll(display, 250)
    equal(display.errors, 3)
    chip.silent = False
    poll(display, 110)
    equal(chip.rows(), rows(unit))


def test_a_transfer_that_fails_anywhere_is_survived():
    unit = parts()
    for good in range(17):
        chip, display = shown(unit)
        chip.fails_after = good
        poll(display)
        equal(display.errors, 1)
        chip.silent, chip.fails_after = False, None
        poll(display, 110)
        equal((good, chip.rows()), (good, rows(unit)))


def test_a_display_that_has_lost_its_memory_shows_it_again_within_a_minute():
    unit = parts()
    chip, display = shown(unit)
    poll(display)
    chip.power_up()
    equal(chip.rows(), [])
    poll(display, 610)
    equal(chip.rows(), rows(unit))


def test_an_unknown_display_is_refused():
    raises(ValueError, displays.make, {"kind": "hd44780", "bus": 0})
