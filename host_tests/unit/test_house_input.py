"""The board's own input of the house's current, over the driver of a current transformer and over a chip that fails."""

import meters
from check import equal, near, true
from thing import Thing

from charger.drivers.meters.ct_adc import CtAdc
from charger.grid.house_input import HouseInput
from charger.metering.reading import Reading
from sim.chips.ct_adc import CtFrontEnd

time = meters.Time()
setup, teardown = time.start, time.stop


def spend(us):
    time.us += us


def seen(amps, pf_milli=1000, seconds=4):
    """The readings passed on within so many seconds, by an input that is not calibrated."""
    front = CtFrontEnd(meters.Mains(amps=amps, pf_milli=pf_milli), time.read_us, spend, 0)
    driver = CtAdc(front.v, front.i, None, {"export": True})
    meters.run(driver.start())
    found = []
    house = HouseInput(driver, lambda *reading: found.append(reading))
    start = time.ms()
    while time.ms() - start < seconds * 1000:
        time.pass_ms(driver.poll_ms)
        driver.poll()
        house.pass_on()
    return found, house


def test_a_reading_a_second_with_the_current_and_its_power():
    found, house = seen(20)
    true(2 <= len(found) <= 4, found)
    for amps_da, power_w in found:
        equal(len(amps_da), 1)
        near(amps_da[0], 200, 4)
        near(power_w, 4600, 150)
    equal(house.fault, "")


def test_what_flows_to_the_grid_is_below_0():
    found, _ = seen(10, -1000)
    near(found[-1][0][0], -100, 4)
    near(found[-1][1], -2300, 100)


def test_a_chip_that_gives_nothing_passes_nothing_on_and_says_why():
    reading = Reading(3)
    driver = Thing(reading=reading)
    found = []
    house = HouseInput(driver, lambda *told: found.append(told))
    equal(house.fault, "starting")
    for fault, valid, passed in (("no answer", False, 0), ("", True, 1), ("stale", False, 1), ("not calibrated", False, 2)):
        time.pass_ms(1500)
        reading.valid, reading.fault = valid, fault
        reading.i_ma, reading.p_mw = [1000, 2000, 3000], [230000, -460000, 0]
        reading.stamp_ms = time.ms()
        house.pass_on()
        house.pass_on()
        equal((len(found), house.fault), (passed, "" if valid or fault == "not calibrated" else fault))
    equal(found[-1], ((10, -20, 30), -230))
    time.pass_ms(1500)
    house.pass_on()
    equal(len(found), 2, "no new measurement")
    reading.energy_mwh = reading.export_mwh = 5
    reading.stamp_ms = time.ms()
    house.pass_on()
    equal((len(found), reading.energy_mwh, reading.export_mwh), (3, 0, 0))
