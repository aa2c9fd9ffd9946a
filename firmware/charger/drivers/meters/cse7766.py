"""CSE7766 and HLW8032 over UART: they send by themselves; no sign, a 16-bit pulse count (MET-35 to MET-37)."""

from micropython import const

from charger import clock, log
from charger.drivers.meters.calibration import UNITY
from charger.drivers.meters.meter_driver import MAX_W, MeterDriver
from charger.errors import MeterError

FRAME = const(24)
_KINDS = const((("cse7766", "uart", 1),))  # also HLW8032
_OPTIONS = const((("v_ratio", 10000, 100000000), ("i_ratio", 10000, 100000000)))

_GAP_MS = const(500)  # silence that ends a frame begun (MET-37)
_NOISE_MA = const(50)  # less is noise (MET-37)
_STALE_MS = const(700)  # registers that stand still for so long, without a pulse, are those of a load that is gone

_V_OVER = const(0x08)
_I_OVER = const(0x04)
_P_OVER = const(0x02)
_BAD_AREA = const(0x01)
_HAVE_V = const(0x40)
_HAVE_I = const(0x20)
_HAVE_P = const(0x10)


class Framer:
    """Finds frames in a stream of bytes. `frame` holds the last whole one, `damaged` counts failed sums."""

    def __init__(self):
        self.frame = bytearray(FRAME)
        self.damaged = 0
        self._at = 0

    def reset(self) -> None:
        """Forget a frame begun."""
        self._at = 0

    def feed(self, byte: int) -> bool:
        """Take one byte; True when it completes a frame with a right sum. 0xAA heads are frames too (see MET-35)."""
        at = self._at
        if at == 0 and byte != 0x55 and byte < 0xF0 and byte != 0xAA:
            return False
        if at == 1 and byte != 0x5A:
            self._at = 0
            return self.feed(byte)  # it may itself be a head
        self.frame[at] = byte
        at += 1
        self._at = at
        if at < FRAME:
            return False
        self._at = 0
        total = 0
        for n in range(2, FRAME - 1):
            total += self.frame[n]
        if total & 0xFF == self.frame[FRAME - 1]:
            return True
        self.damaged += 1
        self._replay()
        return False

    def _replay(self) -> None:
        """Search the received bytes for the true head after a false one. Its frame cannot be complete yet."""
        for n in range(1, FRAME):
            self.feed(self.frame[n])  # writes behind where it reads, so the frame itself is the buffer


def _big24(data: Buffer, at: int) -> int:
    return data[at] << 16 | data[at + 1] << 8 | data[at + 2]


class CSE7766(MeterDriver):
    """The chip on a UART of 4800 baud, 8 bits, even parity.

    Options beside those of MeterDriver: "v_ratio" and "i_ratio", ppm: the board's divider and shunt against the usual ones
    (1 Mohm to 1 kohm, 1 mohm). The chip cannot see export, and its factory coefficients come with each frame: a frame
    whose coefficients are not those of the one before is not believed, which covers what the 8-bit sum lets pass.
    """

    kind = "cse7766"
    poll_ms = 200

    def __init__(self, uart: Any, calibration: Calibration | None, options: dict):
        super().__init__(1, calibration, options)
        self._uart = uart
        cal = self._cal
        self._v_gain = cal.v[0] * options.get("v_ratio", UNITY) // UNITY
        self._i_gain = cal.i[0] * options.get("i_ratio", UNITY) // UNITY
        self._p_gain = self._v_gain * self._i_gain * cal.p[0]  # ppm cubed
        self._e_gain = cal.e[0]
        self._framer = Framer()
        self._buffer = bytearray(64)
        self._heard_ms = clock.ticks_ms()
        self._v_ms = self._heard_ms  # when the voltage was last measured
        self._v_coef = self._i_coef = self._p_coef = 0
        self._pulses = None
        self._pulses_ms = 0  # since when the next count may have grown: the poll before the one that believed the last
        self._polled_ms = self._before_ms = self._heard_ms
        self._i_cycle = -1  # the register, and when it or the count of pulses last changed
        self._alive_ms = self._heard_ms

    async def start(self) -> None:
        """Listen for two frames. Does not raise; poll() goes on listening."""
        await clock.sleep_ms(250)
        self.poll()

    def _work(self, now: int) -> None:
        framer = self._framer
        buffer = self._buffer
        damaged = framer.damaged
        good = False
        trouble = None
        self._before_ms, self._polled_ms = self._polled_ms, now
        count = self._uart.readinto(buffer)
        if not count and clock.ticks_diff(now, self._heard_ms) >= _GAP_MS:
            framer.reset()
        while count:
            self._heard_ms = now
            for n in range(count):
                if framer.feed(buffer[n]):
                    try:
                        good = self._frame(framer.frame, now) or good
                    except MeterError as error:
                        trouble = error
            count = self._uart.readinto(buffer)
        if good:
            self._measured(now)
        elif trouble:
            raise trouble
        elif framer.damaged != damaged:
            raise MeterError("checksum")

    def _frame(self, data: Buffer, now: int) -> bool:
        """Evaluate one complete frame; True when its voltage is new, which makes it a measurement."""
        status = data[0] & 0x0F if data[0] >= 0xF0 else 0
        if data[0] == 0xAA:
            raise MeterError("chip not calibrated")
        if status & _BAD_AREA:
            raise MeterError("coefficients bad")
        if not self._same_chip(data):
            return False
        reading = self.reading
        flags = data[20]
        if not status & _V_OVER and flags & _HAVE_V:
            v_mv = self._quotient(self._v_coef, _big24(data, 5), self._v_gain, UNITY)
            self._check_range(v_mv, 0)
            reading.v_mv[0] = v_mv
            self._v_ms = now
        elif status & _V_OVER:
            reading.v_mv[0] = 0
            self._v_ms = now
        if status & _I_OVER:
            reading.i_ma[0] = 0
        elif flags & _HAVE_I:
            i_ma = self._quotient(self._i_coef, _big24(data, 11), self._i_gain, UNITY)
            self._check_range(0, i_ma)
            reading.i_ma[0] = i_ma if i_ma >= _NOISE_MA else 0
        if status & _P_OVER:
            reading.p_mw[0] = 0  # nothing flows; not an error (MET-35)
        elif flags & _HAVE_P:
            reading.p_mw[0] = self._quotient(self._p_coef, _big24(data, 17), self._p_gain, UNITY * UNITY * UNITY)
        self._drop_stale(_big24(data, 11), data[21] << 8 | data[22], now)
        self._add_pulses(data[21] << 8 | data[22], now)
        return self._v_ms == now

    def _drop_stale(self, i_cycle: int, pulses: int, now: int) -> None:
        """Without load the chip goes on sending the last registers: no pulse, and a current without its noise."""
        if i_cycle != self._i_cycle or pulses != self._pulses:
            self._i_cycle = i_cycle
            self._alive_ms = now
        elif clock.ticks_diff(now, self._alive_ms) >= _STALE_MS:
            self.reading.i_ma[0] = 0
            self.reading.p_mw[0] = 0

    def _same_chip(self, data: Buffer) -> bool:
        """Whether the coefficients are those of the frame before."""
        v, i, p = _big24(data, 2), _big24(data, 8), _big24(data, 14)
        if v == self._v_coef and i == self._i_coef and p == self._p_coef:
            return True
        self._v_coef, self._i_coef, self._p_coef = v, i, p
        return False

    @staticmethod
    def _quotient(coefficient: int, cycle: int, gain: int, unity: int) -> int:
        if cycle == 0:
            raise MeterError("implausible")
        return coefficient * 1000 * gain // (cycle * unity)

    def _add_pulses(self, pulses: int, now: int) -> None:
        """Energy of the pulses since the last frame; a step that no load explains means that the chip restarted (MET-2)."""
        self._pulses = pulses
        if self._p_coef == 0:
            return
        passed_ms = clock.ticks_diff(now, self._pulses_ms)
        most = MAX_W * (passed_ms + 500) * 1000 // self._p_coef  # a pulse is p_coef / 1e6 Ws (MET-36)
        if self._counter is not None and most > 0xFFFF:  # it may have wrapped more than once
            log.warn("meter", "cse7766: %d ms without a frame, energy unknown" % passed_ms)
            self._counter = None
        delta = self._counted(pulses, 0xFFFF, most)
        self._pulses_ms = self._before_ms  # a late poll finds frames of any time since then
        # mWh = pulses * p_coef / 1e6 / 3600 * 1000, times the gains in ppm
        gain = self._p_gain * self._e_gain // (UNITY * UNITY)  # ppm squared
        self._add_energy(delta * self._p_coef, gain, 3600000 * UNITY * UNITY)


def create(kind: str, options: dict, entry: dict | None, buses: Any) -> CSE7766:
    """The driver on the board's UART; parity 0 is even."""
    return CSE7766(buses.uart(options, 0), buses.calibrated(kind, 1, entry), options)
