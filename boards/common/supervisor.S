# Supervisor of the control pilot for the FSM co-processor of ESP32 and ESP32-S3, beside the interpreter (docs/SAFETY.md, layer 2).
#
# tools/ulp/assemble.py fills in the names in braces from a board's data and the chip's registers, and keeps a line that begins
# with @ and a chip's name for that chip alone. The program never ends. A pass takes {pairs} pairs of samples, more than a period
# of the pilot: of each pair the smaller counts for the high plateau and the larger for the low one, so that one sample on an edge
# and one spike count for neither. A reason to open has to be there in two passes in a row.
# Opening sets the RTC's output to the level that opens and gives it the contactor's pad; the reason stays in `cause` and the
# pad stays taken until the firmware has read it. While the firmware measures (`hold`) the program leaves ADC1 alone, for
# some 4.5 ms at the most between two passes; then it takes ADC1 back.

# Words that the firmware and the program share, at the start of the RTC slow memory. ST of the ESP32's co-processor writes its
# program counter into the upper half of a word: only the lower 16 bits count.
  .set armed, 0        # 1: the contactor may be closed, watch
  .set above, 4        # counts; a high plateau at or above is state A or B
  .set below, 8        # counts; a high plateau below is E or F, or D where ventilation is not provided
  .set negative, 12    # counts; a low plateau at or above has no diode behind it
  .set pwm, 16         # 1: the pilot has its PWM, so there is a low plateau
  .set beat, 20        # the firmware counts it up with every control tick
  .set count, 24       # pairs of this pass; the stage counter's jump is not used (tools/ulp/s3_encoding.py)
  .set cause, 28       # written here: 1 car left or stopped, 2 below state C, 3 no diode, 4 no beat
  .set high, 32        # written here: both plateaus of the last pass
  .set low, 36
  .set passes, 40      # written here: counts up with every pass
  .set suspect, 44     # written here: reason of the last pass
  .set last_beat, 48
  .set silent, 52      # passes since the last beat
  .set hold, 56        # 1: the firmware wants ADC1; cleared here when it has kept it for too long
  .set held, 60        # written here: 1 while ADC1 is the firmware's
  .set held_for, 64    # turns of the loop that waits for it, since the last whole pass
  .set stop, 68        # 1: the program ends, so that another one can be loaded

  .text
words:
  .long 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

  .global entry
entry:
  move r3, words
  ld r0, r3, stop
  jumpr run, 1, lt
  halt
run:
  # ADC1 belongs to this program: a conversion that Python started has taken the controller, so it is taken back.
  reg_wr {channel_force}, 0         # SENS_SAR1_EN_PAD_FORCE: the channel is the co-processor's
  reg_wr {start_force}, 0           # SENS_MEAS1_START_FORCE: so is the start
  reg_wr {sar_digital}, 0           # SENS_SAR1_DIG_FORCE: not the digital controller
  reg_wr {power}, 3                 # SENS_FORCE_XPD_SAR: the converter stays on
@esp32s3  reg_rd {clocks}           # written where they are off only: the firmware writes to this register as well
@esp32s3  jumpr clocked, 3, ge
@esp32s3  reg_wr {clocks}, 3        # SENS_SARADC_CLK_EN, SENS_IOMUX_CLK_EN: else RTC_IO takes no writes
@esp32s3 clocked:
  move r1, 0                        # high plateau so far
  move r2, 0xffff                   # low plateau so far
  move r0, 0
  st r0, r3, count
sample:                             # r3 is words
  ld r0, r3, hold
  jumpr lend, 1, ge
  adc r0, 0, {adc_mux}
  adc r3, 0, {adc_mux}
  sub r3, r3, r0                    # second less first
  jump falling, ov                  # a borrow: the second is the smaller
  add r3, r3, r0
  jump ordered
falling:
  add r3, r3, r0
  add r0, r0, r3                    # exchange the two
  sub r3, r0, r3
  sub r0, r0, r3
ordered:                            # r0 the smaller, r3 the larger
  sub r1, r1, r0
  jump higher, ov
  add r1, r1, r0
  jump look_low
higher:
  move r1, r0
look_low:
  sub r2, r2, r3
  jump not_lower, ov
  move r2, r3
  jump next
not_lower:
  add r2, r2, r3
next:
  move r3, words
  ld r0, r3, count
  add r0, r0, 1
  st r0, r3, count
  jumpr sample, {pairs}, lt

  st r1, r3, high
  st r2, r3, low
  move r0, 0
  st r0, r3, held_for
  ld r0, r3, passes
  add r0, r0, 1
  st r0, r3, passes
  ld r0, r3, beat
  ld r2, r3, last_beat
  sub r2, r0, r2
  jump no_beat, eq
  st r0, r3, last_beat
  move r0, 0
  st r0, r3, silent
  jump judge
no_beat:
  ld r0, r3, silent
  sub r2, r0, {patience}            # passes without a beat
  jump still_patient, ov
  move r2, 4
  jump reason
still_patient:
  add r0, r0, 1
  st r0, r3, silent
judge:
  ld r0, r3, above
  sub r0, r1, r0
  jump not_above, ov
  move r2, 1
  jump reason
not_above:
  ld r0, r3, below
  sub r0, r1, r0
  jump is_below, ov
  ld r0, r3, pwm
  jumpr good, 1, lt
  ld r2, r3, low
  ld r0, r3, negative
  sub r0, r2, r0
  jump good, ov
  move r2, 3
  jump reason
is_below:
  move r2, 2
  jump reason
good:
  move r2, 0
  st r2, r3, suspect
  jump entry
reason:
  ld r0, r3, suspect
  st r2, r3, suspect
  jumpr entry, 1, lt                # the first pass with a reason: wait for the second
  ld r0, r3, armed
  jumpr entry, 1, lt
  reg_wr {rtc_out}, {open_level}
  reg_wr {rtc_enable}, 1
  reg_wr {pad}, 1                   # the RTC's output takes the contactor's pad
  ld r0, r3, cause
  jumpr entry, 1, ge                # the first cause stays
  st r2, r3, cause
  jump entry
lend:                               # the pass begins anew afterwards
  ld r1, r3, held_for
  sub r2, r1, {longest_hold}
  jump lent, ov
  jump take_back                    # no time is left before the next whole pass
lent:
  move r0, 1
  st r0, r3, held
wait:
  ld r0, r3, hold
  jumpr given_back, 1, lt
  add r1, r1, 1
  sub r2, r1, {longest_hold}
  jump wait, ov
take_back:                          # the firmware stands still
  move r0, 0
  st r0, r3, hold
given_back:
  st r1, r3, held_for
  move r0, 0
  st r0, r3, held
  jump entry
