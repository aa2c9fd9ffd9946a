"""The interpreter is held up for 0.1 to 5 s at any moment: no false fault, no needless move, no energy lost."""

import fronts
import meters
from check import equal, near, true
from flaw_commands import do
from rig import Rig

from charger.drivers.meters import calibration
from sim import ev

HEAP = 16 * 1024 * 1024
TIMEOUT = 300
HELD_MS = (110, 1000, 5000)
time = meters.Time()


def _watch(rig):
    """(names of the guards that trip from now on, [moves of the bolt])."""
    seen, moves, was = [], [0], [rig.outlet.lock.commanded]

    def look(rig):
        for guard in rig.outlet.guards:
            name = type(guard).__name__
            if guard.tripped and name not in seen:
                seen.append(name)
        if rig.outlet.lock.commanded != was[0]:
            was[0] = rig.outlet.lock.commanded
            moves[0] += 1

    rig.after_tick = look
    return seen, moves


def _end(rig):
    rig.outlet.permit = False
    rig.side.plug(ev.ABSENT)
    rig.run(6000, 100)
    rig.run(200)


def test_while_a_plug_is_locked_and_released_nothing_is_reported_and_the_bolt_moves_once():
    rig = Rig()
    for held_ms in HELD_MS:
        for moment_ms in (60, 100, 200, 400):
            seen, moves = _watch(rig)
            rig.outlet.permit = True
            rig.side.plug(ev.ASKING)
            rig.run(moment_ms)
            rig.tick(held_ms)
            rig.until(lambda: rig.outlet.energised, 12000)
            equal((held_ms, moment_ms, seen, moves), (held_ms, moment_ms, [], [1]))
            rig.side.plug(ev.IDLE)
            rig.run(200)
            rig.outlet.permit = False
            rig.run(moment_ms - 60)
            rig.tick(held_ms)
            rig.run(6000)
            equal((held_ms, moment_ms, seen, moves), (held_ms, moment_ms, [], [2]))
            _end(rig)


def test_a_bolt_that_needs_a_second_push_has_it_and_a_coding_that_touches_later_is_taken():
    rig = Rig()
    do("lock", jams=1)
    do("plug_in", pp_after_ms=700)
    seen, moves = _watch(rig)
    rig.outlet.permit = True
    rig.run(200)
    rig.tick(600)
    rig.until(lambda: rig.outlet.energised, 12000)
    equal((seen, moves), ([], [3]))


def test_one_disturbed_reading_before_and_one_after_a_hold_up_are_no_fault():
    rig = Rig()
    seen, _ = _watch(rig)
    for name in ("outlet_fault", "tamper", "fault", "rails"):
        do("disturb", input=name, ms=15)
        rig.tick()
        do("disturb", input=name, ms=415)
        rig.tick(410)
        rig.run(200)
        equal((name, seen), (name, []))


def _polled(meter, ms):
    end = time.ms() + ms
    while time.ms() < end:
        time.pass_ms(meter.poll_ms)
        meter.poll()


def _counted(front, amps, held_ms, opens):
    """mWh missing over a hold-up, after which the contactor opens, or not."""
    phases = fronts.phases_of(front)
    load = meters.Mains(amps=amps) if front == "ct_adc" else meters.Load(amps=amps, phases=phases)
    chip, build = fronts.place(front, time, load, 3)
    meter = build(calibration.from_json(chip.factory(), fronts.kind_of(front), phases))
    meters.run(meter.start())
    _polled(meter, 3000)
    meter.reading.take_energy()
    start_ms = time.ms()
    _polled(meter, 2000)
    time.pass_ms(held_ms)
    if opens:
        wanted_ms = time.ms() - start_ms
        if front != "ct_adc":
            chip.advance()
        load.set(amps=0, phases=phases)
    _polled(meter, 3500)
    true(meter.reading.valid, meter.reading.fault)
    if not opens:
        wanted_ms = time.ms() - start_ms
    return 230 * amps * phases * wanted_ms // 3600 - meter.reading.take_energy()


def test_no_meter_loses_energy():
    """Within what passes in a window of the measurement, 0.4 s."""
    time.start()
    try:
        for front in fronts.ALL:
            amps = 70 if front == "cse7766" else 32
            for opens in (True, False) if front == "ct_adc" else (True,):
                near(_counted(front, amps, 5000, opens), 0, 230 * amps * fronts.phases_of(front) * 450 // 3600, (front, opens))
    finally:
        time.stop()
