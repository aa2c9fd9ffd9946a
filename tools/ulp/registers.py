"""The registers and figures that boards/common/supervisor.S needs of each chip that has a program.

ESP32: technical reference manual, chapters "ULP Coprocessor", "IO_MUX and GPIO Matrix", "On-Chip Sensors". ESP32-S3: the
ESP-IDF's soc/sens_reg.h, soc/rtc_io_reg.h and hal/adc_ll.h of that chip. Only ADC2 has an arbiter, on the S3.
"""

from dataclasses import dataclass

_ESP32_DAC_PADS = (25, 26)
_ESP32_TOUCH_PADS = (4, 0, 2, 15, 13, 12, 14, 27, 33, 32)


@dataclass(frozen=True)
class Bits:
    """Bits of a register: its full address, the highest and the lowest bit."""

    register: int
    high: int
    low: int


@dataclass(frozen=True)
class Registers:
    """One chip's; `pads` gives each RTC output's register and the bit by which the RTC takes the pad from the digital part."""

    base: int  # the full address at which REG_WR's address 0 lies
    sar_start: int  # its bit 31 SAR1_EN_PAD_FORCE, bit 18 MEAS1_START_FORCE: software instead of the co-processor
    sar_digital: Bits  # SAR1_DIG_FORCE: the digital controller
    power: Bits  # FORCE_XPD_SAR: 3 keeps the converter on; machine.ADC leaves it to each conversion
    clocks: Bits | None  # SARADC_CLK_EN and IOMUX_CLK_EN; None: they cannot be switched off
    rtc_out: int
    rtc_enable: int
    rtc_first_bit: int  # RTC GPIO 0 in both
    pads: dict[int, tuple[int, int]]
    pairs: int  # samples of a pass: more than 1.05 ms with the fastest clock, less than 1.9 ms with the slowest
    clock_hz: int  # nominal RTC_FAST_CLK
    pass_us: int  # the time of a pass at that clock


CHIPS = {
    "esp32": Registers(
        base=0x3FF48000, sar_start=0x3FF48854, sar_digital=Bits(0x3FF48800, 27, 27), power=Bits(0x3FF4880C, 19, 18), clocks=None,
        rtc_out=0x3FF48400, rtc_enable=0x3FF4840C, rtc_first_bit=14,
        pads={pin: (0x3FF48484 + 4 * n, 17) for n, pin in enumerate(_ESP32_DAC_PADS)}
        | {pin: (0x3FF48494 + 4 * n, 19) for n, pin in enumerate(_ESP32_TOUCH_PADS)},
        pairs=50, clock_hz=8_000_000, pass_us=1600,
    ),
    "esp32s3": Registers(
        base=0x60008000, sar_start=0x6000880C, sar_digital=Bits(0x60008810, 31, 31), power=Bits(0x6000883C, 30, 29),
        clocks=Bits(0x60008904, 31, 30), rtc_out=0x60008400, rtc_enable=0x6000840C, rtc_first_bit=10,
        pads={pin: (0x60008484 + 4 * pin, 19) for pin in range(22)},
        pairs=94, clock_hz=17_500_000, pass_us=1400,
    ),
}  # fmt: skip
