"""Each flaw of cars, mains, pilot and ADC that docs/SIMULATION.md lists is in the simulated world, by its command."""

from check import equal, near, true
from flaw_commands import amps_of, charging, do, refused
from world_rig import Bench

from sim import ev, timebase, world

# --- cars ---


def test_a_car_sleeps_by_command():
    bench = Bench()
    do("ev", sleep_ms=5000)
    bench.outlet.plug(ev.ASKING)
    bench.offer(65535, 6000)
    bench.offer(34952, 5000)
    equal(bench.outlet.ev.s2, False)
    bench.offer(0, 1200)
    bench.offer(34952, 3000)
    equal(bench.outlet.ev.s2, True)


def test_a_car_gives_up_after_three_interruptions_until_it_is_unplugged():
    bench = charging()
    do("ev", give_up=3)
    coil = bench.pin("contactor", "out")
    for n in range(3):
        true(bench.outlet.ev.s2, n)
        bench.drive("contactor", "out", 0, 1000)
        coil.value(1)
        bench.pass_ms(3000)
    bench.pass_ms(2000)
    equal((bench.outlet.ev.s2, bench.outlet.ev.interrupted), (False, 3))
    bench.outlet.plug(ev.ABSENT)
    bench.outlet.plug(ev.ASKING)
    bench.pass_ms(3000)
    equal(bench.outlet.ev.s2, True)


def test_a_car_that_opens_s2_itself_was_not_interrupted():
    bench = charging()
    bench.offer(65535, 4000)
    bench.drive("contactor", "out", 0, 500)
    equal((bench.outlet.ev.s2, bench.outlet.ev.interrupted), (False, 0))


def test_s2_stays_closed_without_an_offer_and_over_a_restart():
    bench = charging()
    do("ev", holds_s2=True)
    bench.offer(65535, 20000)
    equal((bench.outlet.ev.s2, amps_of(bench.outlet)), (True, 0))
    after = world.fresh()
    after.restore(bench.world.snapshot())
    equal((after.outlets[0].ev.s2, after.outlets[0].ev.holds_s2), (True, True))


def test_a_car_follows_as_slowly_as_it_is_set():
    bench = charging()
    do("ev", adapt_ms=5000)
    bench.offer(6554, 4500)
    near(amps_of(bench.outlet), 31, 1)
    bench.pass_ms(3000)
    equal(amps_of(bench.outlet), 6)


def test_a_car_overshoots_a_higher_offer_and_not_a_lower_one():
    bench = Bench()
    do("ev", overshoot_percent=20, overshoot_ms=1000)
    bench.charge(17476)  # 16 A
    highest = 0
    bench.outlet.set_duty(26214)  # 24 A
    for _ in range(300):
        timebase.advance(20)
        highest = max(highest, amps_of(bench.outlet))
    equal((highest, amps_of(bench.outlet)), (28, 24))
    bench.offer(17476, 4000)
    near(amps_of(bench.outlet), 16, 1)


def test_a_car_that_regulates_in_steps():
    bench = Bench()
    bench.charge(34952)  # 32 A
    do("ev", steps="50,19,100,0", step_ms=250)
    seen = set()
    for _ in range(100):
        timebase.advance(20)
        seen.add(amps_of(bench.outlet))
    equal(seen, {15, 6, 31, 0}, "of 31.99 A")
    for text in ("50,-1", "50,,0", "x", "201", ",".join(["1"] * 17)):
        refused("ev", steps=text)
    do("ev", steps="")
    bench.pass_ms(4000)
    equal(amps_of(bench.outlet), 31)


def test_a_car_ramps_in_its_own_time_and_opens_s2_after_a_slow_fall():
    bench = Bench()
    do("ev", rise_amps_per_s=4, fall_amps_per_s=4, adapt_ms=0)
    bench.outlet.plug(ev.ASKING)
    bench.offer(34952, 2000)
    bench.outlet.contactor.coil = True
    bench.pass_ms(5000)
    near(amps_of(bench.outlet), 18, 3)
    bench.pass_ms(5000)
    equal(amps_of(bench.outlet), 31)
    bench.offer(65535, 6000)
    true(4 < amps_of(bench.outlet) < 12 and bench.outlet.ev.s2, "it stops drawing before it opens S2")
    bench.pass_ms(2500)
    equal((amps_of(bench.outlet), bench.outlet.ev.s2), (0, False))


def test_inrush_and_standby_current():
    bench = Bench()
    do("ev", inrush_amps=150, inrush_ms=20, standby_ma=200)
    bench.outlet.plug(ev.ASKING)
    bench.offer(34952, 2000)
    bench.pin("contactor", "out").value(1)
    seen = []
    for _ in range(60):
        timebase.advance(1)
        bench.outlet.sync()
        seen.append(bench.outlet.ev.i_ma)
    near(sum([1 for ma in seen if ma == 150000]), 20, 3)
    equal(seen[-1], 200)
    bench.outlet.plug(ev.IDLE)
    bench.pass_ms(100)
    equal(bench.outlet.phase_ma(0), 200)
    bench.drive("contactor", "out", 0, 100)
    equal(bench.outlet.phase_ma(0), 0)


def test_cp_and_pp_touch_in_either_order():
    bench = Bench()
    do("plug_in", pp_after_ms=250)
    equal((bench.outlet.ev.want, bench.outlet.proximity_uv), (ev.ASKING, 3300000))
    bench.pass_ms(260)
    true(bench.outlet.proximity_uv < 1000000)
    do("plug_out", cp_after_ms=400)
    equal((bench.outlet.ev.want, bench.outlet.proximity_uv), (ev.ASKING, 3300000))
    bench.pass_ms(420)
    equal(bench.outlet.ev.want, ev.ABSENT)
    do("plug_in", cp_after_ms=100)
    true(bench.outlet.proximity_uv < 1000000)
    equal(bench.outlet.ev.want, ev.ABSENT)
    bench.pass_ms(120)
    equal(bench.outlet.ev.want, ev.ASKING)


# --- mains ---


def _volts(bench):
    bench.outlet.sample(0)
    return [mv // 1000 for mv in bench.outlet.v_mv]


def test_mains_sag_under_load_by_their_impedance():
    bench = charging()
    do("mains", volts=188, ohms=0.3)
    near(_volts(bench)[0], 178, 1)
    bench.outlet.plug(ev.IDLE)
    equal(_volts(bench)[0], 188)


def test_a_phase_and_the_neutral_are_lost():
    bench = Bench(CompositeScheduleDefaultNumberPhases="3")
    bench.outlet.ev.phases = 3
    bench.charge()
    do("mains", lost_phase=2)
    equal((_volts(bench), [ma // 1000 for ma in bench.outlet.i_ma]), ([230, 0, 230], [31, 0, 31]))
    do("mains", lost_phase=0, neutral_shift_percent=30)
    equal(_volts(bench), [161, 271, 271])
    do("mains", neutral_shift_percent=100)
    equal(_volts(bench), [0, 398, 398])
    do("mains", neutral_shift_percent=0)
    equal((_volts(bench), bench.world.mains.even), ([230, 230, 230], True))


def test_mains_flicker():
    bench = Bench()
    do("mains", flicker_percent=10, flicker_ms=200)
    seen = set()
    for _ in range(40):
        timebase.advance(10)
        seen.add(_volts(bench)[0])
    equal(seen, {207, 230})


def test_a_coil_drops_out_when_the_supply_is_low():
    bench = charging()
    do("contactor", drop_out_volts=150)
    do("mains", volts=140)
    bench.pass_ms(100)
    equal(bench.outlet.contactor.closed, False)


# --- pilot and ADC ---


def test_levels_of_the_generator_and_their_drift_with_temperature():
    bench = Bench()
    do("pilot", plus_mv=11500, minus_mv=-11200)
    bench.outlet.set_duty(32768)
    high, low = bench.plateaus_mv()
    near(high, 11500, 150)
    near(low, -11200, 150)
    do("pilot", plus_mv=12000, minus_mv=-12000, drift_mv=100)
    do("temperature", celsius=75)
    bench.pass_ms(3000)
    high, low = bench.plateaus_mv()
    near(high, 11500, 150)
    near(low, -11500, 150)


def test_noise_glitches_ringing_and_bursts_are_given_in_mv_at_the_pilot():
    bench = Bench()
    bench.outlet.set_duty(65535)
    do("pilot", noise_mv=150)
    high, low = bench.plateaus_mv()
    near(high - low, 300, 60)
    do("pilot", noise_mv=0, glitch_mv=-3000, glitch_every=50)
    high, low = bench.plateaus_mv()
    near(high - low, 3000, 100)
    do("pilot", glitch_every=0, ring_mv=1000, ring_us=60)
    high, low = bench.plateaus_mv()
    near(high - low, 0, 60)
    bench.outlet.set_duty(32768)
    true(bench.plateaus_mv()[0] > high + 600)


def test_the_adc_has_ends_a_curve_noise_and_a_conversion_time():
    import machine

    bench = Bench()
    ntc = machine.ADC(machine.Pin(bench.wiring["ntc"]["adc"]), atten=machine.ADC.ATTN_11DB)
    do("adc", bow_mv=40)
    near(ntc.read_uv(), 1690000, 1000)
    do("adc", bow_mv=0, noise_mv=20)
    seen = [ntc.read_uv() for _ in range(100)]
    near(max(seen) - min(seen), 40000, 4000)
    do("adc", noise_mv=0, min_mv=142, max_mv=3100)
    bench.world.set_fault("ntc_short", 1, True)
    equal(ntc.read_uv(), 142000)
    bench.world.set_fault("ntc_short", 1, False)
    bench.world.set_fault("ntc_open", 1, True)
    equal(ntc.read_uv(), 3100000)
    before = timebase.ticks_us()
    do("adc", conversion_us=200, locked=True, drift_ppm=20)
    bench.outlet.sample_uv()
    near(timebase.ticks_us() - before, 200, 10)
    refused("adc", conversion_us=2000)
