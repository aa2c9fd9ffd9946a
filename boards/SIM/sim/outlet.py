"""One outlet of the simulated world: car, pilot circuit, contactor, monitor, lock, sensors and meter, stepped together.

Lazy: nothing runs by itself. The first read of a pin or an ADC brings the outlet up to the present, at most once a
millisecond. Everything reached from a control tick is small-integer arithmetic.
"""

import utime
from micropython import const

from sim import ev, soft_irq, timebase
from sim.circuit import PilotCircuit, Random, divider_uv, ntc_uv
from sim.ev import EV
from sim.meter_flaws import MeterFlaws
from sim.pilot_sense import PilotSense
from sim.power import Contactor, Lock, ResidualMonitor
from sim.readers.serial_ascii import CardReader

_CHUNK_MS = const(10)  # longest step of the model
_UNREAD_MS = const(300)  # a chip that does not answer counts all the same
_LONG_MS = const(60000)  # beyond this the rest of a gap is one coarse stretch
_HEAT_MC_PER_MS = const(30)
_MWH_MW_MS = const(3600000)
AMBIENT_MC = const(25000)
KEPT = (  # settings that outlive a restart of the charger, by the part of the outlet that has them
    ("ev", ("max_ma", "phases", "diode", "obeys", "simplified", "reaction_ms", "stop_ms", "pf_milli", "sleep_ms", "adapt_ms",
            "rise_ma_per_ms", "fall_ma_per_ms", "steps", "step_ms", "overshoot_pct", "overshoot_ms", "inrush_ma", "inrush_ms",
            "standby_ma", "holds_s2", "give_up", "interrupted")),
    ("contactor", ("close_ms", "open_ms", "bounce_ms", "auxiliary", "welded_pole", "operations")),
    ("second", ("close_ms", "open_ms", "bounce_ms", "auxiliary", "welded_pole", "welded", "stuck")),
    ("rcd", ("trip_ms", "test_ms", "release_ms", "latching", "latched")),
    ("lock", ("jams", "sticks", "move_ms")),
    ("circuit", ("plus_mv", "minus_mv", "drift_mv")),
    ("pilot_sense", ("conversion_us", "locked", "drift_ppm", "noise_uv", "edge_us", "ring_uv", "ring_us", "glitch_uv",
                     "glitch_every", "floor_uv", "ceiling_uv", "bow_uv")),
    ("", ("cable_ohm", "adc_min_uv", "adc_max_uv", "adc_bow_uv", "adc_noise_mv", "leaks_mv", "drop_out_mv", "delivered_mwh")),
)  # fmt: skip
CABLE_OHM = {13: 1500, 20: 680, 32: 220, 63: 100}
_STRANGE_OHM = const(1530)  # gives about 7.5 V: in no window of CP-5


class Outlet:
    """World side of one outlet. Tests may set any attribute, then call refresh()."""

    def __init__(self, number, seed, wiring, mains):
        self.id = number
        random = Random(seed * 16 + number)
        self.ev = EV(random)
        self.mains = mains
        pilot = wiring["pilot"]
        self.circuit = PilotCircuit(random, pilot["r1"], pilot["r2"], pilot["r3"], pilot["rail_mv"])
        self.contactor = Contactor()
        self.second = None if wiring["phase_switch"] is None else Contactor()  # of the phases 2 and 3
        self.rcd = ResidualMonitor()
        self.lock = Lock()
        self.reader = CardReader()  # connected to nothing; the world fits the board's own
        self.wired_phases = wiring["phases"]
        self.meter = None  # the chip; the world connects it
        self.fault_pin = 0
        self._begin_environment()
        self._begin_measured(wiring)
        self._leave = soft_irq.Alarm(self.plug, ev.ABSENT)
        self._late_pilot = soft_irq.Alarm(self._touch_pilot, ev.ABSENT)
        self._late_proximity = soft_irq.Alarm(self._touch_proximity, False)
        self._coded = False  # the proximity contact touches
        self._duty = 0
        self._allowed_ma = 0
        self.pilot_sense = PilotSense(random)
        self._now = self._metered_ms = timebase.ticks_ms()
        self.refresh()

    def _begin_environment(self):
        self.cable_ohm = CABLE_OHM[32]
        self.pe_lost = False
        self.strange_ev = False
        self.volts_mv = None  # this outlet's own supply voltage, None: the mains
        self.temperature_mc = AMBIENT_MC
        self.target_mc = AMBIENT_MC
        self.ntc_broken = None  # None, "open" or "short"
        self.adc_max_uv = 3300000  # where the ADC ends; an ESP32's at 3060 to 3209 mV
        self.adc_min_uv = self.adc_bow_uv = self.adc_noise_mv = 0  # and where it begins, and its flaws in between
        self.leaks_mv = 0  # voltage behind open contacts, where no car loads it
        self.drop_out_mv = 0  # below this supply voltage the coils have no power
        self.flaws = MeterFlaws()
        self.faults = set()

    def _begin_measured(self, wiring):
        self.i_ma, self.v_mv, self.p_mw, self.f_mhz = [0, 0, 0], [0, 0, 0], [0, 0, 0], 0
        self.delivered_mwh = 0  # what really went to the car, whatever a meter makes of it
        self._delivered_rest = 0
        self._proximity = wiring["proximity"]
        self.proximity_uv = 3300000
        self.ntc_uv = ntc_uv(AMBIENT_MC)
        self.left_ms = None  # when the car was unplugged under load, until the contacts have opened
        self.reaction_ms = None  # how long that took the last time

    # --- stepping ---

    def sync(self):
        """Bring everything up to the present."""
        now = timebase.ticks_ms()
        if now != self._now:
            self._step_to(now)

    def _step_to(self, now):
        dt = utime.ticks_diff(now, self._now)
        self._now = now
        if dt <= 0:
            return
        if dt > _LONG_MS:
            self._step(dt - _LONG_MS, now - _LONG_MS)
            dt = _LONG_MS
        while dt > _CHUNK_MS:
            dt -= _CHUNK_MS
            self._step(_CHUNK_MS, now - dt)
        self._step(dt, now)
        meter = self.meter
        if meter is not None and meter.dead and utime.ticks_diff(now, self._metered_ms) > _UNREAD_MS:
            self._metered_ms = now
            meter.advance()

    def _step(self, dt, now):
        # Short functions: the frame of a long one comes from the heap at each call.
        self.rcd.step(dt)
        self._step_contactors(dt, now)
        self._step_car(dt)
        lock = self.lock
        if lock.command != lock.locked or lock.jammed or lock.jams or lock.sticks:
            lock.step(dt)
        if self.temperature_mc != self.target_mc:
            self._heat(dt)

    def _step_contactors(self, dt, now):
        powered = not self.rcd.tripped and (not self.drop_out_mv or self.supply_mv >= self.drop_out_mv)
        moved = self.contactor.step(dt, powered, now)
        if self.second is not None and self.second.step(dt, powered, now):
            moved = True
        if moved:
            self._moved()

    def _moved(self):
        """A contactor has closed or opened."""
        if self.meter is not None and self.ev.i_ma:
            self.meter.advance()
        if self.left_ms is not None and not self.contactor.closed:
            self.reaction_ms = utime.ticks_diff(self.contactor.changed_ms, self.left_ms)
            self.left_ms = None

    def _step_car(self, dt):
        car = self.ev
        closed = self.contactor.closed
        if car.want != ev.ABSENT and car.step(dt, self._allowed_ma, closed and self.supply_mv > 50000, self._duty == 0):
            self._solve()
        if closed and car.i_ma:
            self._deliver(dt)

    def _deliver(self, dt):
        car = self.ev
        for n in range(min(car.phases, self.phases_on)):
            rest = self._delivered_rest + self._real_mw(self.phase_mv(n), car.i_ma) * dt
            self.delivered_mwh += rest // _MWH_MW_MS
            self._delivered_rest = rest % _MWH_MW_MS

    def _real_mw(self, volts_mv, amps_ma):
        mw = volts_mv // 100 * amps_ma // 10
        return mw // 1000 * self.ev.pf_milli + mw % 1000 * self.ev.pf_milli // 1000

    def _heat(self, dt):
        move = dt * _HEAT_MC_PER_MS
        if self.temperature_mc < self.target_mc:
            self.temperature_mc = min(self.target_mc, self.temperature_mc + move)
        else:
            self.temperature_mc = max(self.target_mc, self.temperature_mc - move)
        self._set_ntc()

    def _set_ntc(self):
        if self.circuit.drift_mv:
            self.circuit.warm(self.temperature_mc)
            self._solve()
        if self.ntc_broken is None:
            self.ntc_uv = ntc_uv(self.temperature_mc)
        else:
            self.ntc_uv = 3300000 if self.ntc_broken == "open" else 0

    @property
    def phases_on(self):
        """Phases that reach the car while the main contactor is closed."""
        return min(self.mains.phases, self.wired_phases if self.second is None or self.second.closed else 1)

    def set_ambient(self):
        """Cool down again."""
        self.target_mc = AMBIENT_MC

    @property
    def supply_mv(self):
        """Supply voltage of this outlet, phase L1 to neutral."""
        if self.volts_mv is None:
            return self.mains.v_mv if self.mains.even else self.mains.phase_mv(0)
        return self.volts_mv

    def phase_mv(self, n):
        """Supply voltage of phase n, from 0, to neutral."""
        if self.volts_mv is None or n >= self.mains.phases:
            return self.mains.phase_mv(n)
        return self.volts_mv

    def phase_ma(self, n):
        """Current of the car in phase n, from 0."""
        if not self.contactor.closed or n >= min(self.ev.phases, self.phases_on) or self.mains.lost_phase == n + 1:
            return 0
        return self.ev.i_ma

    # --- pilot ---

    def set_duty(self, duty_u16):
        """The pilot generator's input: 65535 steady +12 V, 0 steady -12 V."""
        self.sync()
        self._duty = duty_u16
        self._solve()

    @property
    def duty_u16(self):
        """Return the present duty of the firmware's PWM."""
        return self._duty

    def _solve(self):
        """Plateaus and allowed current, after a change of duty, car or fault."""
        duty = self._duty
        car = self.ev
        load = car.ohm
        if self.strange_ev:
            load = _STRANGE_OHM
        if self.pe_lost:
            load = 0
        circuit = self.circuit
        circuit.solve(load, car.diode or not load)
        sense = self.pilot_sense
        sense.high_uv = circuit.high_uv
        sense.low_uv = circuit.low_uv
        if duty == 0:
            sense.high_us = 0
            sense.high_uv = sense.low_uv
        elif duty == 65535:
            sense.high_us = 1000
            sense.low_uv = sense.high_uv
        else:
            sense.high_us = duty * 1000 // 65535
        connected = car.want != ev.ABSENT and not self.pe_lost and not circuit.short_ohm
        self._allowed_ma = ev.limit_ma(duty) if connected else 0

    def sample_uv(self):
        """One sample of the pilot's ADC, in steps of 1 mV."""
        now = timebase.ticks_ms()
        if now != self._now:
            self._step_to(now)
        return self.pilot_sense.sample_uv(now)

    # --- for the control port and tests ---

    def refresh(self):
        """Work everything out again after attributes were set from outside."""
        self.sync()
        self._solve()
        self._set_ntc()
        if self._proximity:
            ohm = self.cable_ohm if self._coded else None
            self.proximity_uv = divider_uv(ohm, self._proximity["pullup"], self._proximity["rail_mv"])

    def plug(self, want, cp_after_ms=0, pp_after_ms=0):
        """Bring the car to ev.ABSENT, IDLE, ASKING or VENTILATION; one of the contacts CP and PP may come, or go, later."""
        self._late_pilot.armed = self._late_proximity.armed = False
        if cp_after_ms:
            self._late_pilot.argument = want
            timebase.arm(self._late_pilot, cp_after_ms * 1000)
        else:
            self._touch_pilot(want)
        if pp_after_ms:
            self._late_proximity.argument = want != ev.ABSENT
            timebase.arm(self._late_proximity, pp_after_ms * 1000)
        else:
            self._touch_proximity(want != ev.ABSENT)

    def _touch_proximity(self, touches):
        self._coded = touches
        self.refresh()

    def _touch_pilot(self, want):
        self.sync()
        if self.meter is not None:
            self.meter.advance()
        if want == ev.ABSENT and self.contactor.closed:
            self.left_ms = timebase.ticks_ms()
            self.reaction_ms = None
        self.ev.set_want(want)
        self.refresh()

    def unplug_later(self, ms):
        """The car leaves ms from now, whatever the firmware does then."""
        timebase.arm(self._leave, ms * 1000)

    def sample(self, now_ms):
        """For the meter chip: bring v_mv, i_ma, p_mw and f_mhz up to date (MET-1)."""
        self._metered_ms = now_ms
        self.sync()
        self.f_mhz = self.mains.f_mhz
        for n in range(3):
            self.v_mv[n] = self.phase_mv(n)
            self.i_ma[n] = self.phase_ma(n)
            self.p_mw[n] = self._real_mw(self.v_mv[n], self.i_ma[n])
        self.flaws.apply(self)
