"""The assembled supervisor in the emulator, against the simulated pilot circuit: when it opens, how fast, and when not."""

import pytest
from board_definition import loading
from coprocessor.world import BOARD, CAUSE, HIGH, LOW, PWM, Rig
from ulp import assemble

LEFT, BELOW_C, NO_DIODE, NO_BEAT = 1, 2, 3, 4
LIMIT_US = 10_000
PHASES = 1000


@pytest.fixture(scope="module")
def binary():
    """The program of the board, assembled once."""
    return assemble.of_board(BOARD)


def worst_us(rig, change):
    """The longest time to open over PHASES instants within a period of the pilot and a pass of the program."""
    worst = 0
    for number in range(PHASES):
        at = rig.fork()
        at.phase_us = rig.phase_us + number * 7.919 % 1000
        at.ulp.run(at.ulp.cycles + int(number * 2.3 * rig.clock_hz / 1_000_000))
        assert not at.open
        change(at)
        took = at.until_open_us(LIMIT_US)
        assert took is not None, f"phase {number}: not open within 10 ms"
        worst = max(worst, took)
    return worst


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("stopped_us", "clock_hz", "duty"), [
    (0, 8_000_000, 0.267),  # the main CPU stops at the very instant
    (750_000, 8_000_000, 0.1),  # it has been in a TLS handshake for half of its 1.5 s
    (0, 7_500_000, 0.533),  # a reset begins; the slowest RTC clock
])  # fmt: skip
def test_unplugged_car_opens_within_10_ms_at_any_phase(binary, stopped_us, clock_hz, duty, record_property):
    """No beat comes any more: the co-processor is alone."""
    rig = Rig(clock_hz=clock_hz, duty=duty, binary=binary)
    rig.run_us(60_000)
    rig.run_us(stopped_us, beating=False)
    worst = worst_us(rig, lambda at: at.set_car("A"))
    record_property("worst_us", round(worst))
    print(f"unplug to open, worst of {PHASES}: {worst:.0f} us")
    assert worst < LIMIT_US


@pytest.mark.parametrize(("change", "cause"), [
    (lambda rig: rig.set_car("A"), LEFT), (lambda rig: rig.set_car("B"), LEFT), (lambda rig: rig.set_car("D"), BELOW_C),
    (lambda rig: rig.set_car("C", diode=False), NO_DIODE),
])  # fmt: skip
def test_cause_is_kept(binary, change, cause):
    """The first cause stays until the firmware has read it, whatever comes after."""
    rig = Rig(binary=binary)
    rig.run_us(40_000)
    assert not rig.open and rig.word(CAUSE) == 0
    change(rig)
    assert rig.until_open_us(LIMIT_US) is not None
    rig.run_us(5_000)
    assert rig.word(CAUSE) == cause
    rig.set_car("C")
    rig.run_us(40_000)
    assert rig.open and rig.word(CAUSE) == cause


def test_ventilation_where_it_is_provided(binary):
    """State D is as good as C on an outlet that has ventilation."""
    rig = Rig(binary=binary, ventilation=True)
    rig.set_car("D")
    rig.run_us(60_000)
    assert not rig.open


@pytest.mark.timeout(300)
def test_busy_for_a_second_and_a_half_is_no_reason(binary):
    """A handshake holds the beat up; the car goes on charging. After two seconds without a beat it opens."""
    rig = Rig(binary=binary)
    rig.run_us(40_000)
    rig.run_us(1_500_000, beating=False)
    assert not rig.open
    took = rig.until_open_us(1_500_000)
    assert took is not None and 1_800_000 < 1_500_000 + took < 2_600_000
    rig.run_us(5_000, beating=False)
    assert rig.word(CAUSE) == NO_BEAT


@pytest.mark.parametrize("duty", [0.1, 0.267, 0.533, 0.85])
def test_charging_car_is_left_alone(binary, duty):
    """Noise on every sample, and one conversion in 100 is nonsense: neither opens."""
    rig = Rig(binary=binary, duty=duty)
    for spike in (4095, 0, None):
        rig.spike = spike
        rig.run_us(200_000)
    assert not rig.open and rig.word(CAUSE) == 0


def test_plateaus_are_published(binary):
    """Both plateaus in counts, for the firmware that must not use ADC1 itself."""
    rig = Rig(binary=binary)
    rig.run_us(20_000)
    for word, uv in ((HIGH, rig.circuit.high_uv), (LOW, rig.circuit.low_uv)):
        assert abs(rig.word(word) - uv / 1000 * 4095 / 3300) < 15


def test_wind_down_without_pwm_needs_no_diode(binary):
    """The firmware has withdrawn the PWM and says so; the car may still hold C."""
    rig = Rig(binary=binary, duty=1)
    rig.ulp.memory[PWM] = 0
    rig.run_us(40_000)
    assert not rig.open
    rig.ulp.memory[PWM] = 1
    assert rig.until_open_us(LIMIT_US) is not None


def test_disarmed_it_watches_and_does_not_act(binary):
    """Before the firmware arms it no pad is taken."""
    rig = Rig(binary=binary)
    rig.ulp.memory[0] = 0
    rig.set_car("A")
    rig.run_us(40_000)
    assert not rig.open and rig.word(CAUSE) == 0


def test_adc_is_taken_back_after_a_conversion_by_python(binary):
    """The registers that say who owns ADC1 are written in each pass."""
    rig = Rig(binary=binary)
    rig.run_us(5_000)
    rig.ulp.peripheral[assemble.SAR_START] = 1 << 31 | 1 << 18 | 0x40 << 19
    rig.ulp.peripheral[assemble.SAR_CONTROL] = 1 << 27 | 1 << 28
    rig.run_us(5_000)
    assert rig.ulp.peripheral[assemble.SAR_START] == 0x40 << 19
    assert rig.ulp.peripheral[assemble.SAR_CONTROL] == 1 << 28


@pytest.mark.parametrize(("name", "says"), [
    ("ESP32_C6_DEVKITC", "The esp32c6 has no FSM co-processor: nothing opens its contactor"),
    ("ESP32_S3_DEVKITC", "The assembler does not know the esp32s3's encoding"),
])  # fmt: skip
def test_boards_without_the_supervisor_state_it(name, says):
    """One sentence, and no program."""
    with pytest.raises(assemble.AssembleError, match=says):
        assemble.of_board(name)


def test_every_rtc_output_of_the_esp32_has_its_register():
    """The pads of a contactor that board checks allow are pads that the program can take."""
    chip = loading.chip_of(loading.BOARDS / BOARD)
    outputs = [pin for pin in chip.rtc if pin not in chip.input_only and pin not in chip.strap]
    registers = [assemble.pad(pin)[0] for pin in outputs if pin not in (32, 33)]
    assert len(set(registers)) == len(registers)


@pytest.mark.parametrize("closing_level", [1, 0])
def test_pad_has_the_level_that_opens_before_the_rtc_takes_it(closing_level):
    """The RTC's output is enabled and set in the program, for outputs that 1 closes and that 0 closes."""
    rig = Rig(closing_level=closing_level)
    rig.run_us(20_000)
    assert rig.level == closing_level
    rig.ulp.peripheral[assemble.RTC_OUT] = 0xFFFFC000 if closing_level else 0  # the level that closes, wherever it came from
    rig.set_car("A")
    levels = set()
    while not rig.taken:
        rig.ulp.step()
        levels.add(rig.level)
    assert levels == {closing_level, 1 - closing_level} and rig.open
