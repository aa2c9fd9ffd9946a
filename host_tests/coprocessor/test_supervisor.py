"""The assembled supervisor in the emulator, against the simulated pilot circuit: when it opens, how fast, and when not."""

import pytest
from coprocessor.world import BOARDS, CAUSE, ESP32, HIGH, LOW, PASSES, PWM, S3, Rig
from ulp import assemble

LEFT, BELOW_C, NO_DIODE, NO_BEAT = 1, 2, 3, 4
LIMIT_US = 10_000
PHASES = 1000


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request):
    """Each board with the program."""
    return request.param


@pytest.fixture
def rig_s3():
    """The S3's, that charges."""
    rig = Rig(S3)
    rig.run_us(20_000)
    return rig


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
@pytest.mark.parametrize(("stopped_us", "clock", "duty"), [
    (0, "clock_hz", 0.267),  # the main CPU stops at the very instant
    (750_000, "clock_hz", 0.1),  # it has been in a TLS handshake for half of its 1.5 s
    (0, "slowest_hz", 0.533),  # a reset begins; the slowest RTC clock
])  # fmt: skip
def test_unplugged_car_opens_within_10_ms_at_any_phase(board, stopped_us, clock, duty, record_property):
    """No beat comes any more: the co-processor is alone."""
    rig = Rig(board, clock_hz=getattr(board, clock), duty=duty)
    rig.run_us(60_000)
    rig.run_us(stopped_us, beating=False)
    worst = worst_us(rig, lambda at: at.set_car("A"))
    record_property("worst_us", round(worst))
    print(f"{board.name}, unplug to open, worst of {PHASES}: {worst:.0f} us")
    assert worst < LIMIT_US


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("cycles", "clock", "a_second"), [(59, "fastest_hz", 900), (111, "clock_hz", 550)])
def test_conversion_of_the_s3_may_be_faster_or_slower(cycles, clock, a_second):
    """No manual gives its cycles: at both ends of what docs/BRINGUP.md accepts as passes a second the car is watched as well."""
    rig = Rig(S3, clock_hz=getattr(S3, clock), duty=0.1)
    rig.ulp.adc_cycles = cycles
    rig.run_us(40_000)
    passes = rig.word(PASSES)
    rig.run_us(500_000)
    assert abs((rig.word(PASSES) - passes) * 2 - a_second) < 0.02 * a_second
    assert not rig.open and rig.word(CAUSE) == 0
    for number in range(100):
        at = rig.fork()
        at.run_us(number * 37, beating=False)
        at.set_car("A")
        took = at.until_open_us(LIMIT_US - 4_500)  # the longest loan of ADC1 may come before it
        assert took is not None, number


@pytest.mark.parametrize(("change", "cause"), [
    (lambda rig: rig.set_car("A"), LEFT), (lambda rig: rig.set_car("B"), LEFT), (lambda rig: rig.set_car("D"), BELOW_C),
    (lambda rig: rig.set_car("C", diode=False), NO_DIODE),
])  # fmt: skip
def test_cause_is_kept(board, change, cause):
    """The first cause stays until the firmware has read it, whatever comes after."""
    rig = Rig(board)
    rig.run_us(40_000)
    assert not rig.open and rig.word(CAUSE) == 0
    change(rig)
    assert rig.until_open_us(LIMIT_US) is not None
    rig.run_us(5_000)
    assert rig.word(CAUSE) == cause
    rig.set_car("C")
    rig.run_us(40_000)
    assert rig.open and rig.word(CAUSE) == cause


def test_ventilation_where_it_is_provided(board):
    """State D is as good as C on an outlet that has ventilation."""
    rig = Rig(board, ventilation=True)
    rig.set_car("D")
    rig.run_us(60_000)
    assert not rig.open


@pytest.mark.timeout(300)
def test_busy_for_a_second_and_a_half_is_no_reason(board):
    """A handshake holds the beat up; the car goes on charging. After two seconds without a beat it opens."""
    rig = Rig(board)
    rig.run_us(40_000)
    rig.run_us(1_500_000, beating=False)
    assert not rig.open
    took = rig.until_open_us(1_500_000)
    assert took is not None and 1_800_000 < 1_500_000 + took < 2_600_000
    rig.run_us(5_000, beating=False)
    assert rig.word(CAUSE) == NO_BEAT


@pytest.mark.parametrize("duty", [0.1, 0.267, 0.533, 0.85])
def test_charging_car_is_left_alone(board, duty):
    """Noise on every sample, and one conversion in 100 is nonsense: neither opens."""
    rig = Rig(board, duty=duty)
    for spike in (4095, 0, None):
        rig.spike = spike
        rig.run_us(200_000)
    assert not rig.open and rig.word(CAUSE) == 0


def test_plateaus_are_published(board):
    """Both plateaus in counts, for the firmware that must not use ADC1 itself."""
    rig = Rig(board)
    rig.run_us(20_000)
    for word, uv in ((HIGH, rig.circuit.high_uv), (LOW, rig.circuit.low_uv)):
        assert abs(rig.word(word) - uv / 1000 * 4095 / 3300) < 15


def test_wind_down_without_pwm_needs_no_diode(board):
    """The firmware has withdrawn the PWM and says so; the car may still hold C."""
    rig = Rig(board, duty=1)
    rig.ulp.memory[PWM] = 0
    rig.run_us(40_000)
    assert not rig.open
    rig.ulp.memory[PWM] = 1
    assert rig.until_open_us(LIMIT_US) is not None


def test_disarmed_it_watches_and_does_not_act(board):
    """Before the firmware arms it no pad is taken."""
    rig = Rig(board)
    rig.ulp.memory[0] = 0
    rig.set_car("A")
    rig.run_us(40_000)
    assert not rig.open and rig.word(CAUSE) == 0


def test_adc_is_taken_back_after_a_conversion_by_python(board):
    """The registers that say who owns ADC1 are written in each pass."""
    rig = Rig(board)
    rig.run_us(5_000)
    start, digital, power = board.registers.sar_start, board.registers.sar_digital, board.registers.power
    rig.ulp.peripheral[start] = 1 << 31 | 1 << 18 | 0x40 << 19
    rig.ulp.peripheral[digital.register] = 1 << digital.low | 1 << 25
    rig.ulp.peripheral[power.register] = 0
    rig.run_us(5_000)
    assert rig.ulp.peripheral[start] == 0x40 << 19
    assert rig.ulp.peripheral[digital.register] == 1 << 25
    assert rig.ulp.peripheral[power.register] == 3 << power.low


def test_clocks_that_the_firmware_has_stopped_run_again(rig_s3):
    """Those of converter and RTC_IO. The bits beside them, which the firmware may be writing, are written only then."""
    clocks, written = S3.registers.clocks.register, []
    rig_s3.ulp.peripheral[clocks] = 1 << 29
    write = rig_s3.ulp.write
    rig_s3.ulp.write = lambda address, value: written.append(address) or write(address, value)
    rig_s3.run_us(20_000)
    assert rig_s3.ulp.peripheral[clocks] == 7 << 29 and written.count(clocks) == 1
    rig_s3.ulp.peripheral[clocks] = 1 << 29
    rig_s3.run_us(5_000)
    rig_s3.set_car("A")
    assert rig_s3.until_open_us(LIMIT_US) is not None


@pytest.mark.parametrize(("name", "says"), [
    ("ESP32_C6_DEVKITC", "The esp32c6 has no FSM co-processor: nothing opens its contactor"),
    ("ESP32_S2_EVSE_DA", "There is no program for the esp32s2: it is for esp32 and esp32s3."),
])  # fmt: skip
def test_boards_without_the_supervisor_state_it(name, says):
    """One sentence, and no program."""
    with pytest.raises(assemble.AssembleError, match=says):
        assemble.of_board(name)


def test_every_rtc_output_has_its_register(board):
    """The pads of a contactor that board checks allow are pads that the program can take."""
    outputs = [pin for pin in board.chip.rtc if pin not in board.chip.input_only and pin not in board.chip.strap]
    registers = [assemble.pad(board.chip, pin)[0] for pin in outputs]
    assert len(set(registers)) == len(registers)
    with pytest.raises(assemble.AssembleError, match="is no RTC output"):
        assemble.pad(board.chip, 34 if board is ESP32 else 38)


@pytest.mark.parametrize("closing_level", [1, 0])
def test_pad_has_the_level_that_opens_before_the_rtc_takes_it(board, closing_level):
    """The RTC's output is enabled and set in the program, for outputs that 1 closes and that 0 closes."""
    rig = Rig(board, closing_level=closing_level)
    rig.run_us(20_000)
    assert rig.level == closing_level
    rig.ulp.peripheral[board.registers.rtc_out] = 0xFFFFFC00 if closing_level else 0  # the level that closes
    rig.set_car("A")
    levels = set()
    while not rig.taken:
        rig.ulp.step()
        levels.add(rig.level)
    assert levels == {closing_level, 1 - closing_level} and rig.open
