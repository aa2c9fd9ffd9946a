"""The abilities of each chip's pins, from the datasheets and technical reference manuals, as data.

Pins are GPIO numbers. `adc1` and `adc2` are in the order of their channels. `driven` pins are driven or pulse at reset or
power-up, `strap` pins are sampled then. `adc_mv`: the range in which the calibrated ADC is linear at its greatest attenuation.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Chip:
    """One chip of the ESP32 family; `ulp` is the kind of its co-processor: "fsm", "riscv" or None."""

    name: str
    pins: tuple[int, ...]
    flash: tuple[int, ...]
    console: tuple[int, int]  # TX, RX of UART 0
    usb: tuple[int, ...]
    strap: tuple[int, ...]
    driven: tuple[int, ...]
    input_only: tuple[int, ...]
    adc1: tuple[int, ...]
    adc2: tuple[int, ...]
    rtc: tuple[int, ...]  # in the order of the RTC GPIO numbers
    touch: tuple[int, ...]
    uarts: tuple[int, ...]  # without UART 0, the console's
    i2c: tuple[int, ...]
    spi: tuple[int, ...]
    adc_mv: tuple[int, int]
    ulp: str | None
    psram: tuple[int, ...] = ()  # pins that a module's PSRAM takes beside the flash's
    rmii: dict[str, int] = field(default_factory=dict)  # pins of the Ethernet MAC, which cannot be moved; {}: it has none
    ref_clk: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of its 50 MHz: "input", "output" -> pins
    flash_supply: int | None = None  # strapping pin that chooses the voltage of the flash: high at reset, and it does not start

    def with_psram(self) -> "Chip":
        """The chip on a module with PSRAM."""
        return replace(self, flash=tuple(sorted({*self.flash, *self.psram})))


def _range(*bounds: tuple[int, int]) -> tuple[int, ...]:
    return tuple(pin for first, last in bounds for pin in range(first, last + 1))


CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "esp32", _range((0, 19), (21, 23), (25, 27), (32, 39)), flash=_range((6, 11)), console=(1, 3), usb=(),
            strap=(0, 2, 5, 12, 15), driven=(1, 3, 14), input_only=_range((34, 39)),
            adc1=(36, 37, 38, 39, 32, 33, 34, 35), adc2=(4, 0, 2, 15, 13, 12, 14, 27, 25, 26),
            rtc=(36, 37, 38, 39, 34, 35, 25, 26, 33, 32, 4, 0, 2, 15, 13, 12, 14, 27),
            touch=(4, 0, 2, 15, 13, 12, 14, 27, 33, 32), uarts=(1, 2), i2c=(0, 1), spi=(1, 2), adc_mv=(150, 2450), ulp="fsm",
            psram=(16, 17), rmii={"txd0": 19, "txd1": 22, "tx_en": 21, "rxd0": 25, "rxd1": 26, "crs_dv": 27},
            ref_clk={"input": (0,), "output": (0, 16, 17)}, flash_supply=12,
        ),
        Chip(
            "esp32s2", _range((0, 21), (26, 46)), flash=_range((27, 32)), console=(43, 44), usb=(19, 20),
            strap=(0, 45, 46), driven=(18, 43), input_only=(46,),
            adc1=_range((1, 10)), adc2=_range((11, 20)), rtc=_range((0, 21)), touch=_range((1, 14)),
            uarts=(1,), i2c=(0, 1), spi=(1, 2), adc_mv=(0, 2500), ulp="fsm",
            psram=(26,), flash_supply=45,
        ),
        # 33 to 37 are the octal PSRAM's (module N8R8).
        Chip(
            "esp32s3", _range((0, 21), (26, 48)), flash=_range((26, 37)), console=(43, 44), usb=(19, 20),
            strap=(0, 3, 45, 46), driven=(18, 19, 20, 43), input_only=(),
            adc1=_range((1, 10)), adc2=_range((11, 20)), rtc=_range((0, 21)), touch=_range((1, 14)),
            uarts=(1, 2), i2c=(0, 1), spi=(1, 2), adc_mv=(0, 3100), ulp="fsm", flash_supply=45,
        ),
        # ADC2 of the C3 does not work (errata). 11 feeds the flash.
        Chip(
            "esp32c3", _range((0, 21)), flash=_range((11, 17)), console=(21, 20), usb=(18, 19),
            strap=(2, 8, 9), driven=(18, 19, 21), input_only=(),
            adc1=_range((0, 4)), adc2=(5,), rtc=_range((0, 5)), touch=(),
            uarts=(1,), i2c=(0,), spi=(1,), adc_mv=(0, 2500), ulp=None,
        ),
        Chip(
            "esp32c6", _range((0, 30)), flash=_range((24, 30)), console=(16, 17), usb=(12, 13),
            strap=(4, 5, 8, 9, 15), driven=(12, 13, 16), input_only=(),
            adc1=_range((0, 6)), adc2=(), rtc=_range((0, 7)), touch=(),
            uarts=(1,), i2c=(0,), spi=(1,), adc_mv=(0, 3300), ulp="riscv",
        ),
    )
}  # fmt: skip
