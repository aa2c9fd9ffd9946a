"""The simulated pilot circuit and car: voltages, samples, edges, and what a car does at which duty cycle."""

from check import equal, near, true
from world_rig import Bench, close_to

from sim import ev


def test_plateaus_are_those_of_the_circuit():
    """Nominal voltages of CP-4; the divider and the tolerance of reading add their part."""
    bench = Bench()
    outlet = bench.outlet
    shown = ((ev.ABSENT, False, 12000), (ev.IDLE, False, 8980), (ev.ASKING, True, 5990), (ev.VENTILATION, True, 2930))
    for want, s2, high in shown:
        outlet.plug(want)
        outlet.ev.s2 = s2
        for duty in (6554, 34952, 62914):
            outlet.set_duty(duty)
            top, bottom = bench.plateaus_mv()
            close_to(top, high, want)
            close_to(bottom, -12000, want)
        outlet.set_duty(65535)
        close_to(bench.plateaus_mv()[1], high, want)
        outlet.set_duty(0)
        close_to(bench.plateaus_mv()[0], -12000, want)


def test_every_unit_stays_within_the_tolerances():
    """CP-4: B 8.37 to 9.59 V, C 5.47 to 6.53 V over many units."""
    spread = set()
    for seed in range(1, 60):
        bench = Bench(seed)
        bench.outlet.set_duty(34952)
        bench.outlet.plug(ev.ASKING)
        top = bench.plateaus_mv()[0]
        true(8300 < top < 9660, (seed, top))
        bench.outlet.ev.s2 = True
        bench.outlet.refresh()
        top = bench.plateaus_mv()[0]
        true(5400 < top < 6600, (seed, top))
        spread.add(top // 50)
    true(len(spread) > 5, spread)


def test_without_a_diode_the_low_plateau_rises():
    bench = Bench()
    bench.outlet.plug(ev.ASKING)
    bench.outlet.set_duty(34952)
    bench.world.set_fault("diode", 1, True)
    top, bottom = bench.plateaus_mv()
    near(bottom, -8790, 80)
    near(top, 8790, 80)


def test_a_short_and_a_strange_resistance():
    bench = Bench()
    bench.outlet.set_duty(34952)
    bench.world.set_fault("pilot_short", 1, True)
    top, bottom = bench.plateaus_mv()
    true(-400 < bottom < top < 400, (top, bottom))
    bench.world.set_fault("pilot_short", 1, False)
    bench.world.set_fault("EVCommunicationError", 1, True)
    true(7000 < bench.plateaus_mv()[0] < 8000)


def test_a_broken_pe_hides_the_car():
    bench = Bench()
    bench.charge()
    bench.world.set_fault("pe_lost", 1, True)
    close_to(bench.plateaus_mv()[0], 12000, "A")


def test_samples_fall_on_the_high_plateau_as_often_as_the_duty_says():
    bench = Bench()
    bench.outlet.set_duty(6554)
    high = len([1 for _ in range(5000) if bench.outlet.sample_uv() > 1500000])
    near(high, 500, 100)


def test_edges_are_bent_by_the_stray_capacitance():
    bench = Bench()
    bench.outlet.set_duty(34952)
    between = len([1 for _ in range(3000) if 400000 < bench.outlet.sample_uv() < 2200000])
    true(20 < between < 200, between)


def test_the_car_answers_the_pilot_in_its_time():
    """No PWM: no S2. PWM: S2 after 1 to 1.5 s. PWM off: the current goes, then S2 opens within 3 s (CP-25)."""
    bench = Bench()
    outlet = bench.outlet
    outlet.plug(ev.ASKING)
    bench.offer(65535, 5000)
    true(not outlet.ev.s2)
    bench.offer(34952, 980)
    true(not outlet.ev.s2)
    bench.pass_ms(520)
    true(outlet.ev.s2)
    bench.pin("contactor", "out").value(1)
    bench.pass_ms(5000)
    equal(outlet.ev.i_ma, 31998)
    bench.offer(65535, 1300)
    true(not outlet.ev.s2)
    equal(outlet.ev.i_ma, 0)


def test_duty_cycle_gives_the_current_of_the_table():
    """CP-11 and the edges of its table."""
    for duty, milliamps in ((0, 0), (5, 0), (7.9, 0), (8, 6000), (9.9, 6000), (10, 6000), (16, 9600), (53.33, 31998),
                            (85, 51000), (90, 65000), (96, 80000), (97, 80000), (98, 0), (100, 0)):  # fmt: skip
        near(ev.limit_ma(int(duty * 65535 / 100 + 0.5)), milliamps, 12)


def test_current_needs_the_contacts_and_follows_the_duty():
    bench = Bench()
    outlet = bench.outlet
    outlet.plug(ev.ASKING)
    bench.offer(34952, 4000)
    true(outlet.ev.s2)
    equal(outlet.ev.i_ma, 0)
    bench.pin("contactor", "out").value(1)
    bench.pass_ms(5000)
    bench.offer(17476, 5000)
    near(outlet.ev.i_ma, 16000, 10)
    bench.pin("contactor", "out").value(0)
    bench.pass_ms(12)
    equal(outlet.ev.i_ma, 0)


def test_cars_that_misbehave():
    bench = Bench()
    bench.charge(17476)
    bench.outlet.ev.obeys = False
    bench.pass_ms(4000)
    equal(bench.outlet.ev.i_ma, 32000)
    bench.outlet.ev.obeys = True
    bench.world.set_fault("OverCurrentFailure", 1, True)
    bench.pass_ms(4000)
    true(bench.outlet.ev.i_ma > 16000 * 125 // 100)


def test_a_simplified_pilot_shows_c_at_once_and_draws_10_a_at_most():
    """CP-15."""
    bench = Bench()
    bench.outlet.ev.simplified = True
    bench.outlet.plug(ev.ASKING)
    bench.outlet.set_duty(34952)
    close_to(bench.plateaus_mv()[0], 5990, "C")
    bench.pin("contactor", "out").value(1)
    bench.pass_ms(4000)
    equal(bench.outlet.ev.i_ma, 10000)
