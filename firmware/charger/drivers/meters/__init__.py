"""Choice of the meter driver by name from board data; only the chosen chip's file is imported."""


def make(kind: str, options: dict, calibration=None):
    """The driver for `kind` on this board's buses; ValueError for an unknown kind.

    kind         ade7953_i2c, ade7953_spi, bl0942, cse7766 (also HLW8032), atm90e32, ct_adc
    options      the board's data for this meter: bus numbers and pins, and what the driver's file lists
    calibration  the unit's entry out of calibration.json (calibration.entry_of), or None: then the meter never becomes
                 valid (MET-3). A damaged or foreign entry counts as none, and the log says why.
    """
    if kind == "ade7953_i2c" or kind == "ade7953_spi":
        from charger.drivers.meters import ade7953

        if kind == "ade7953_i2c":
            transport = ade7953.I2CTransport(_i2c(options), options.get("address", 0x38))
        else:
            transport = ade7953.SPITransport(_spi(options, 1000000), _output(options["cs"]))
        return ade7953.ADE7953(transport, _unit("ade7953", 1, calibration), options)
    if kind == "bl0942":
        from charger.drivers.meters import bl0942

        return bl0942.BL0942(_uart(options, None), _unit(kind, 1, calibration), options)
    if kind == "cse7766":
        from charger.drivers.meters import cse7766

        return cse7766.CSE7766(_uart(options, 0), _unit(kind, 1, calibration), options)  # parity 0 is even
    if kind == "atm90e32":
        from charger.drivers.meters import atm90e32

        registers = atm90e32.Registers(_spi(options, 1000000), _output(options["cs"]))
        return atm90e32.ATM90E32(registers, _unit(kind, options.get("phases", 3), calibration), options)
    if kind == "ct_adc":
        from machine import ADC, Pin

        from charger.drivers.meters import ct_adc

        v_adc = ADC(Pin(options["v_adc"]), atten=ADC.ATTN_11DB)
        i_adc = ADC(Pin(options["i_adc"]), atten=ADC.ATTN_11DB)
        return ct_adc.CtAdc(v_adc, i_adc, _unit(kind, 1, calibration), options)
    raise ValueError("no meter driver " + kind)


def _unit(kind: str, phases: int, entry):
    """The entry as a Calibration, or None with the reason in the log."""
    from charger import log
    from charger.drivers.meters import calibration

    try:
        return calibration.from_json(entry, kind, phases)
    except ValueError as error:
        log.error("meter", kind + ": not calibrated: " + str(error))
        return None


def _i2c(options: dict):
    from machine import I2C

    if "scl" in options:
        from machine import Pin

        return I2C(options["bus"], scl=Pin(options["scl"]), sda=Pin(options["sda"]), freq=options.get("freq", 400000))
    return I2C(options["bus"])


def _spi(options: dict, baudrate: int):
    """Mode 3 with the bus's default pins, or the named ones."""
    from machine import SPI, Pin

    if "sck" in options:
        pins = {"sck": Pin(options["sck"]), "mosi": Pin(options["mosi"]), "miso": Pin(options["miso"])}
        return SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1, **pins)  # type: ignore[arg]
    return SPI(options["bus"], baudrate=baudrate, polarity=1, phase=1)


def _uart(options: dict, parity):
    """4800 baud, a receive buffer for a second of the chattiest chip, no waiting."""
    from machine import UART

    pins = {"tx": options["tx"], "rx": options["rx"]} if "tx" in options else {}
    return UART(options["bus"], baudrate=4800, bits=8, parity=parity, stop=1, rxbuf=1024, timeout=0, **pins)


def _output(number: int):
    from machine import Pin

    return Pin(number, Pin.OUT, value=1)
