"""`machine.Timer` of the simulated board: as the ESP32 port has it (ports/esp32/machine_timer.c)."""

from micropython import const

from sim import soft_irq, timebase

_HARDWARE_TIMERS = const(4)  # of ESP32 and ESP32-S3; the C3 has two
_FOR_EVER_MS = const(0x3FFFFFFF)
_made = {}


class Timer:
    """A hardware timer by number. Its callback is a soft interrupt: callback(timer), between byte codes.

    Timer(0) twice is the same timer. A period that the callback does not keep up with fills the queue of 8, and what finds
    it full is lost.
    """

    ONE_SHOT = 0
    PERIODIC = 1

    def __new__(cls, id, **options):
        if type(id) is not int or not 0 <= id < _HARDWARE_TIMERS:
            raise ValueError("invalid Timer number, max %d" % _HARDWARE_TIMERS)
        timer = _made.get(id)
        if timer is None:
            timer = _made[id] = object.__new__(cls)
        return timer

    def __init__(self, id, **options):
        if not hasattr(self, "_alarm"):
            self._id = id
            self._callback = None
            self._alarm = soft_irq.Alarm(_call, self)
            self._mode = Timer.PERIODIC
        if options:
            self.init(**options)

    def init(self, *, mode=PERIODIC, callback=None, period=_FOR_EVER_MS, tick_hz=1000, freq=None, hard=False):
        """Start it: callback after a period in ms (or 1 / tick_hz), or `freq` times a second."""
        if hard:
            raise ValueError("hard Timers are not implemented")
        self._alarm.armed = False
        us = int(1000000 / freq) if freq is not None else period * (1000000 // tick_hz)
        if us < 1:
            raise ValueError("period too short")
        self._mode = mode
        self._callback = callback
        timebase.arm(self._alarm, us, us if mode == Timer.PERIODIC else 0)

    def deinit(self):
        """Stop it."""
        self._alarm.armed = False
        timebase.plan()

    def __repr__(self):
        mode = "PERIODIC" if self._mode == Timer.PERIODIC else "ONE_SHOT"
        return "Timer(%d, mode=%s, period=%d)" % (self._id, mode, self._alarm.period_us // 1000)


def _call(timer):
    if timer._callback is not None:
        timer._callback(timer)
