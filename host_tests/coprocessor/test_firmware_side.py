"""Driver and program together: ADC1 has one user at a time, and the contactor opens wherever the main CPU stops."""

import pytest
from coprocessor.firmware_side import ORDERED, board_rig
from coprocessor.world import ARMED, BOARDS, CAUSE

LIMIT_US = 10_000
LEFT, NO_DIODE = 1, 3


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def rig(monkeypatch, request):
    """A charging outlet: the contactor closed and watched."""
    rig = board_rig(monkeypatch, request.param)
    rig.start()
    for _ in range(3):
        rig.tick()
    close(rig)
    assert rig.level == 1 and rig.word(ARMED) == 1
    return rig


def close(rig):
    """Close the contactor; from the second tick on the program watches it."""
    rig.contactor.close()
    rig.tick()
    rig.tick()


def test_both_measure_and_never_at_the_same_time(rig):
    """Also where a tick reads twice. The driver's plateaus are right, the program's car stays on."""
    for number in range(10):
        rig.tick(again=number % 2)
        assert abs(rig.pilot.high_mv - 6000) < 250 and abs(rig.pilot.low_mv + 12000) < 300
    assert rig.collisions == 0 and rig.word(CAUSE) == 0 and not rig.open
    assert rig.pilot.report == 0


@pytest.mark.parametrize("again", [False, True])
def test_main_cpu_that_stops_anywhere_in_a_tick_leaves_a_program_that_opens(rig, again):
    """Also where it stops while ADC1 is its own: then the program takes it back."""
    rig.snapshots = []
    rig.tick(again)
    snapshots, worst = rig.snapshots[:: 2 if again else 1], 0
    assert sum(at.ulp.memory[15] & 1 for at in snapshots) > 15  # held
    for at in snapshots:
        at.set_car("A")
        took = at.until_open_us(LIMIT_US)
        assert took is not None
        worst = max(worst, took)
    print(f"unplug to open, worst of {len(snapshots)} places: {worst:.0f} us")
    assert 4_000 < worst < LIMIT_US


def test_thresholds_need_no_line_of_the_adc(rig):
    """The raw counts have an offset of 142 mV, and still a state D opens and a lost diode, each with its cause."""
    for change, cause in ((lambda at: at.set_car("A"), LEFT), (lambda at: at.set_car("B"), LEFT),
                          (lambda at: at.set_car("D"), 2), (lambda at: at.set_car("C", diode=False), NO_DIODE)):
        at = rig.fork()
        change(at)
        assert at.until_open_us(LIMIT_US) is not None
        at.run_us(1000, beating=False)
        assert at.word(CAUSE) == cause


def test_firmware_takes_the_pad_back_and_closes_again(rig):
    """After an opening the pad is the main CPU's, at the level that opens, until close()."""
    rig.set_car("B")
    rig.tick()
    assert rig.open and rig.taken
    rig.tick()
    assert rig.contactor.taken
    rig.contactor.open()
    rig.tick()
    assert rig.open and not rig.taken and not rig.contactor.taken
    rig.set_car("C")
    for _ in range(2):
        rig.tick()
    close(rig)
    assert rig.level == 1 and rig.word(ARMED) == 1


@pytest.mark.parametrize("car", ["A", "C"])
def test_reset(rig, car):
    """The chip keeps RTC memory, pads and program; its digital outputs go. The firmware reads the cause and loads anew."""
    rig.digital = None
    rig.set_car(car)
    took = rig.until_open_us(LIMIT_US)
    assert (took is not None) == (car == "A")
    rig.run_us(300_000, beating=False)  # boot loader, MicroPython
    rig.digital = 0  # startup.c
    assert rig.level == 0
    rig.reset_cause = ORDERED
    rig.start()
    assert rig.level == 0 and rig.halted_when_loaded == [True, True] and rig.starts == 2
    assert rig.pilot.report == (LEFT if car == "A" else 0)
    rig.tick()
    assert rig.word(ARMED) == 0 and rig.word(CAUSE) == 0 and rig.level == 0
