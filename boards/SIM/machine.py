"""`machine` of the simulated board, in front of the built-in module (which stays reachable as `umachine`).

As on the ESP32 port, so that the drivers that ship are the ones under test. What the chip would refuse raises here too.
Pin.value(), PWM.duty_u16() and ADC.read_uv() allocate nothing: they are used in the control tick.
"""

import utime
from umachine import mem8, mem32  # noqa: F401

# lines: imported here, it is not the end of a chain of first imports by pins and world, which takes C stack
from sim import hardware_times, launch, libc, lines, loop_wait, pins, rtc, soft_irq, timebase, world  # noqa: F401
from sim.buses import I2C, SPI, UART, SoftI2C, SoftSPI  # noqa: F401
from sim.pins import Pin, Signal  # noqa: F401
from sim.timer import Timer  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def __getattr__(name):
    """`mem16` of a board with a co-processor, the only one of the three whose addresses a host may not have."""
    if name == "mem16":
        from sim.coprocessor import Mem16

        return Mem16()
    raise AttributeError(name)


class PWM:
    """PWM on a pin. Where a pilot generator is connected it follows the duty, at 980 to 1020 Hz (CP-1)."""

    def __init__(self, dest, freq=5000, *, duty=None, duty_u16=None, duty_ns=None):
        self._pin = dest if isinstance(dest, Pin) else Pin(dest)
        self._line = self._pin._line
        self._freq = 0
        self._duty = 0
        self._active = False
        self._started_ms = 0
        self.init(freq, duty=duty, duty_u16=duty_u16, duty_ns=duty_ns)

    def init(self, freq=5000, *, duty=None, duty_u16=None, duty_ns=None):
        """Start, or start again; the pin is the PWM's from now on. The first periods have 50 %."""
        started = not self._active
        self._active = True
        self.freq(freq)
        if started:
            self._started_ms = timebase.ticks_ms()
            self.duty_u16(32768)
        if duty_ns is not None:
            self.duty_ns(duty_ns)
        else:
            self.duty_u16(duty_u16 if duty_u16 is not None else 64 * duty if duty is not None else 32768)

    def freq(self, hz=None):
        """Frequency in Hz, or set it."""
        if hz is None:
            return self._freq
        if not 1 <= hz <= 40000000:
            raise ValueError("frequency out of range")
        self._freq = hz
        return None

    def duty_u16(self, duty=None):
        """Duty, 0 to 65535, or set it."""
        if duty is None:
            return self._duty
        if not self._active:
            raise RuntimeError("PWM inactive")
        if not 0 <= duty <= 65535:
            raise ValueError("duty out of range")
        self._duty = duty
        if hasattr(self._line, "pwm"):
            seen = duty if 980 <= self._freq <= 1020 or duty == 0 or duty == 65535 else 0
            pins.drive_pwm(self._pin, seen, self._started_ms)
        return None

    def duty_ns(self, ns=None):
        """High time in ns, or set it."""
        if ns is None:
            return self._duty * 1000000000 // self._freq // 65535
        self.duty_u16(min(65535, ns * self._freq * 65535 // 1000000000))
        return None

    def duty(self, value=None):
        """Duty, 0 to 1023, or set it."""
        if value is None:
            return self._duty >> 6
        self.duty_u16(65535 if value >= 1023 else value << 6)
        return None

    def deinit(self):
        """Let the pin go: the generator's input is pulled down."""
        self._active = False
        self._pin.off()


class ADC:
    """One-shot ADC: every read is one instant. read_uv() has the port's 1 mV steps."""

    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_12BIT = 3

    def __init__(self, pin, atten=0, sample_ns=None):
        number = pin.id if isinstance(pin, Pin) else pin
        analog = world.current().analog
        if number not in analog:
            raise ValueError("invalid Pin for ADC")
        self._line = analog[number]
        self._most_uv = 0
        self.atten(atten)

    def atten(self, value):
        """Input range; without 11 dB the chip saturates at about 1 V, 1.3 V or 1.9 V."""
        self._most_uv = (950000, 1250000, 1750000, 3300000)[value]

    def read_uv(self):
        """One conversion in microvolts. A method, as in the port: `read = adc.read_uv` makes a bound method on the heap."""
        soft_irq.enter()
        try:
            return self._convert()
        finally:
            soft_irq.leave()

    def _convert(self):
        timebase.cost(hardware_times.ADC_CONVERSION_US, "ADC")
        uv = self._line.read_uv()
        return uv if uv < self._most_uv or self._most_uv == 3300000 else self._most_uv

    def read_u16(self):
        """Raw reading, 16 bits of 3.3 V."""
        return min(65535, self.read_uv() // 100 * 65535 // 33000)

    def read(self):
        """Raw reading, 12 bits."""
        return self.read_u16() >> 4


def bitstream(pin, encoding, timing, data):
    """Send bits; a WS2812 on the pin (GRB) shows the colour "RRGGBB"."""
    if encoding != 0 or len(timing) != 4:
        raise ValueError("encoding")
    soft_irq.enter()
    timebase.cost(len(data) * 8 * (timing[0] + timing[1]) // 1000, "bitstream")
    soft_irq.leave()
    pin._line.write("%02X%02X%02X" % (data[1], data[0], data[2]))


def _watch():
    WDT._only._watch()


class WDT:
    """The task watchdog: once started it cannot be stopped, and a missed feed resets the chip.

    Two watch: asyncio's wait, in simulated time; and the operating system, for code that never comes back to waiting, by the
    processor time of the interpreter: one that gets no processor is no firmware that hangs. Its alarm in real time is for code
    that waits without end, and comes later. There is one, as on the port: a second WDT() sets its time limit anew.
    """

    _only = None

    def __new__(cls, id=0, timeout=5000):
        if timeout < 1000:
            raise ValueError("timeout too short")
        if WDT._only is None:
            WDT._only = object.__new__(cls)
            loop_wait.on_wait(_watch)
        return WDT._only

    def __init__(self, id=0, timeout=5000):
        self._timeout = timeout
        self._real_ms = 0
        self._fed = timebase.ticks_ms()
        self.feed()
        self._put_off()

    def feed(self):
        """Put the reset off."""
        soft_irq.enter()
        self._watch()  # what stops the interpreter does not stop the chip's watchdog: this feed comes too late
        self._fed = timebase.ticks_ms()
        real = utime.ticks_ms()
        if utime.ticks_diff(real, self._real_ms) > 500:
            self._real_ms = real
            self._put_off()
        soft_irq.leave()

    def _put_off(self):
        libc.alarm(self._timeout // 1000 + 2)

    def _watch(self):
        if utime.ticks_diff(timebase.ticks_ms(), self._fed) > self._timeout:
            _restart(WDT_RESET)


class RTC:
    """The clock and memory that a reset leaves alone."""

    def datetime(self, parts=None):
        """(year, month, day, weekday, hour, minute, second, microsecond) UTC, or set it."""
        import time

        if parts is None:
            seconds, millis = rtc.now()
            year, month, day, hour, minute, second, weekday, _ = time.gmtime(seconds)
            return year, month, day, weekday, hour, minute, second, millis * 1000
        year, month, day, _, hour, minute, second, sub = parts
        rtc.set_seconds(time.mktime((year, month, day, hour, minute, second, 0, 0)), sub // 1000)
        return None

    init = datetime

    def memory(self, data=None):
        """Up to 2048 bytes kept over a reset, or set them."""
        if data is None:
            return rtc.memory
        rtc.set_memory(data)
        return None


def _restart(cause):
    from sim import link

    link.restart(cause)


def reset():
    """Restart the chip. Does not return."""
    _restart(HARD_RESET)


def soft_reset():
    """Restart the interpreter. Does not return."""
    _restart(SOFT_RESET)


def reset_cause():
    """Why the chip started this time."""
    return launch.config["reset_cause"]


def unique_id():
    """Six bytes, as of an Ethernet address, different for each seed."""
    seed = launch.config["seed"]
    return bytes((0x02, 0x50, 0x4C, seed >> 16 & 0xFF, seed >> 8 & 0xFF, seed & 0xFF))


def freq(hz=None):
    """Clock of the CPU in Hz."""
    return 240000000


def idle():
    """Nothing to save here."""


def disable_irq():
    """Hard interrupts are not simulated; soft ones come between byte codes, as on the port."""
    return 0


def enable_irq(state):
    """Counterpart of disable_irq()."""
