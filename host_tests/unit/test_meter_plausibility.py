"""Figures that no load can make are no measurement, whatever the front end: the rules of MeterDriver."""

import meters
from check import equal, raises

from charger.drivers.meters.calibration import Calibration
from charger.drivers.meters.meter_driver import MeterDriver
from charger.errors import MeterError


class _Meter(MeterDriver):
    """A front end that measures what it is set to."""

    kind = "test"

    def __init__(self):
        super().__init__(1, Calibration("test", 1), {})
        self.set(230000, 10000, 2300000)

    def set(self, v_mv, i_ma, p_mw):
        self.values = v_mv, i_ma, p_mw

    def _work(self, now):
        self.reading.v_mv[0], self.reading.i_ma[0], self.reading.p_mw[0] = self.values
        self._measured(now)


def _with_meter(test):
    time = meters.Time()
    time.start()
    try:
        test(time, _Meter())
    finally:
        time.stop()


def _poll(time, meter, times=1):
    for _ in range(times):
        time.pass_ms(200)
        meter.poll()
    return meter.reading.valid, meter.reading.fault


def test_power_above_voltage_times_current_is_no_measurement_and_five_in_a_row_are_a_fault():
    def check(time, meter):
        equal(_poll(time, meter), (True, ""))
        before = meter.reading.protection
        meter.set(230000, 10000, 3500000)
        equal(_poll(time, meter), (True, ""))
        equal((meter.reading.protection, meter.reading.p_mw[0]), (before, 2300000))
        equal(_poll(time, meter, 3), (True, ""))
        equal(_poll(time, meter), (False, "power above voltage times current"))
        equal(meter.reading.protection, None)
        meter.set(230000, 10000, 2250000)
        equal(_poll(time, meter), (True, ""))

    _with_meter(check)


def test_one_measurement_that_cannot_be_does_not_add_up_with_one_before_a_good_one():
    def check(time, meter):
        for _ in range(6):
            meter.set(230000, 10000, -3500000)
            equal(_poll(time, meter, 4)[1] in ("", "starting"), True)
            meter.set(230000, 10000, 2300000)
            equal(_poll(time, meter), (True, ""))

    _with_meter(check)


def test_power_within_what_a_change_of_load_explains_is_a_measurement():
    def check(time, meter):
        for i_ma, p_mw in ((10000, 2850000), (0, 90000), (16000, 3680000), (10000, 300000)):
            meter.set(230000, i_ma, p_mw)
            equal(_poll(time, meter, 6), (True, ""))
            equal(meter.reading.p_mw[0], p_mw)

    _with_meter(check)


def test_a_current_that_leaps_without_power_is_doubted_once():
    def check(time, meter):
        equal(_poll(time, meter), (True, ""))
        meter.set(230000, 70000, 2300000)
        _poll(time, meter)
        equal(meter.reading.i_ma[0], 10000)
        _poll(time, meter)
        equal(meter.reading.i_ma[0], 70000)
        meter.set(230000, 10000, 2300000)
        _poll(time, meter, 2)
        meter.set(230000, 70000, 15000000)  # with its power it is no disturbance
        _poll(time, meter)
        equal(meter.reading.i_ma[0], 70000)

    _with_meter(check)


def test_equal_measurements_under_load_are_frozen_after_ten_seconds_and_without_load_after_a_minute():
    def check(time, meter):
        for i_ma, polls in ((10000, 50), (0, 300)):
            meter.set(230000, i_ma, 230 * i_ma)
            equal(_poll(time, meter, polls - 2)[1], "")
            equal(_poll(time, meter, 10), (False, "frozen"))
            meter.set(230100, i_ma, 230 * i_ma)
            equal(_poll(time, meter), (True, ""))

    _with_meter(check)


def test_a_counter_that_goes_back_once_counts_as_none_and_one_that_stays_has_started_anew():
    def check(time, meter):
        equal(meter._counted(1000, 0xFFFF, 500), 0)
        equal(meter._counted(1100, 0xFFFF, 500), 100)
        for odd in (1050, 40000):
            raises(MeterError, meter._counted, odd, 0xFFFF, 500)
        equal(meter._counted(1200, 0xFFFF, 500), 100)
        raises(MeterError, meter._counted, 10, 0xFFFF, 500)
        equal(meter._counted(20, 0xFFFF, 500), 20)
        equal(meter._counted(0xFFF0, 0xFFFF, 0xFFFF), 0xFFDC)
        equal(meter._counted(15, 0xFFFF, 500), 31)

    _with_meter(check)
