"""The car: what it does to the pilot, and what it draws. All in integers, stepped by the outlet."""

from micropython import const

ABSENT = const(0)
IDLE = const(1)  # plugged, does not ask (B)
ASKING = const(2)  # C
VENTILATION = const(3)  # D

_OHM_B = const(2740)
_OHM_C = const(882)
_OHM_D = const(246)
_START_MS = const(400)  # from voltage at the inlet to the first current
_FALL_MA_PER_MS = const(30)
_SIMPLIFIED_MA = const(10000)  # CP-15
_WAKE_MS = const(1000)


def limit_ma(duty_u16):
    """Current per phase that a 16-bit duty allows, in mA; 0 where a car may not charge (CP-11)."""
    duty = (duty_u16 * 10000 + 32767) // 65535  # 0.01 %
    if duty < 800 or duty > 9700:
        return 0
    if duty < 1000:
        return 6000
    if duty <= 8500:
        return duty * 6
    return min((duty - 6400) * 25, 80000)


class EV:
    """Settings may be changed at any time; `want` through the outlet. Read-only: s2, i_ma, ohm.

    max_ma        what its charger can take, per phase
    phases        1 to 3
    diode         False: the diode is missing or shorted
    obeys         False: it draws max_ma whatever the duty says
    overdraw      True: it draws 40 % and 2 A more than allowed
    simplified    True: no S2; it shows C as soon as it is plugged (CP-15)
    reaction_ms   from PWM to S2 closing
    stop_ms       from PWM off to S2 opening; the current is gone before
    pf_milli      power factor
    sleep_ms      so long without an offer, and it sleeps: it takes no offer up before -12 V for a second; 0: never
    adapt_ms      from a new duty to the on-board charger following it, or the newest one of those since; CP-22 allows 5 s
    rise_ma_per_ms, fall_ma_per_ms   how fast its current follows; where it falls slower than at first S2 waits for that
    steps, step_ms                it regulates by itself: so many percent of what it may draw, in turn, each for step_ms, at once
    overshoot_pct, overshoot_ms   it rises above a new target by so much, for so long
    inrush_ma, inrush_ms          drawn from the closing contacts on, whatever the duty says
    standby_ma    drawn by its electronics while the contacts are closed, S2 open or closed
    holds_s2      True: S2 stays closed without an offer, over a restart of the charger as well
    give_up       after so many openings of the contactor under its load it asks no more until it is unplugged; 0: never
    """

    def __init__(self, random):
        self.want = ABSENT
        self.max_ma = 32000
        self.phases = 1
        self.diode = True
        self.obeys = True
        self.overdraw = False
        self.simplified = False
        self.reaction_ms = random.between(1000, 1250)
        self.stop_ms = random.between(600, 1200)
        self.pf_milli = 995
        self.sleep_ms = 0
        self.adapt_ms = 400
        self.rise_ma_per_ms = 10
        self.fall_ma_per_ms = _FALL_MA_PER_MS
        self.steps = ()
        self.step_ms = 250
        self._step_ms = 0  # in the pattern of steps
        self.overshoot_pct = 0
        self.overshoot_ms = 500
        self.inrush_ma = 0
        self.inrush_ms = 10
        self.standby_ma = 0
        self.holds_s2 = False
        self.give_up = 0
        self.interrupted = 0  # openings under its load since the plug
        self.asleep = False
        self._quiet_ms = 0
        self._wake_ms = 0
        self._tolerance = random.between(-20, 20)  # of its resistors, per mille
        self.s2 = False
        self.i_ma = 0
        self._react = 0
        self._stopping = 0
        self._powered = 0
        self._target_ma = 0
        self._adapt = 0
        self._risen_ma = self._over_ms = 0

    def _exact(self, ohm):
        return ohm + ohm * self._tolerance // 1000

    @property
    def ohm(self):
        """Resistance behind the diode, 0 when there is no car."""
        if self.want == ABSENT:
            return 0
        if self.simplified or self.s2:
            return self._exact(_OHM_D if self.want == VENTILATION else _OHM_C)
        return self._exact(_OHM_B)

    def set_want(self, want):
        """Plug, unplug, ask or stop asking. Opening S2 is immediate, closing takes reaction_ms."""
        self.want = want
        if want == ABSENT:
            self.interrupted = 0
        if want < ASKING:
            self.s2 = False
            self.i_ma = 0
            self._react = 0

    def step(self, dt, allowed_ma, conducting, negative=False):
        """dt ms go by with this duty and these contacts; True when the resistance changed. negative: steady -12 V."""
        if self.sleep_ms:
            self._sleep(dt, allowed_ma, negative)
            if self.asleep:
                allowed_ma = 0
        if self.give_up and self.interrupted >= self.give_up:
            allowed_ma = 0
        changed = self.want >= ASKING and self._move_s2(dt, allowed_ma)
        if conducting:
            self._powered += dt
            if self.s2 or (self.simplified and self.want >= ASKING):
                self._draw_after_closing(dt, allowed_ma)
            else:
                self._powered = self._risen_ma = 0
                self.i_ma = 0
            if self.i_ma < self.standby_ma:
                self.i_ma = self.standby_ma
        else:
            if self.s2 and self._powered >= _START_MS and self._target_ma:
                self.interrupted += 1
            self._powered = self._risen_ma = 0
            self.i_ma = 0
        return changed

    def _move_s2(self, dt, allowed_ma):
        """True when S2 has closed or opened."""
        if not self.s2:
            self._react = self._react + dt if allowed_ma > 0 else 0
            if allowed_ma <= 0 or self._react < self.reaction_ms:
                return False
            self.s2 = True
            self._stopping = 0
            return True
        if allowed_ma > 0 or self.holds_s2:
            self._stopping = 0
            return False
        self._stopping += dt
        if self._stopping < self.stop_ms or (self.fall_ma_per_ms < _FALL_MA_PER_MS and self._draws()):
            return False
        self.s2 = False
        self._react = 0
        return True

    def _draws(self):
        """More than its electronics: a car whose current falls slowly opens S2 after that."""
        return self.obeys and self.i_ma > self.standby_ma + 1000

    def _draw_after_closing(self, dt, allowed_ma):
        if self._powered <= self.inrush_ms and self.inrush_ma:
            self.i_ma = self.inrush_ma
        elif self._powered >= _START_MS:
            self._draw(dt, allowed_ma)
        elif self.inrush_ma:
            self.i_ma = 0

    def _sleep(self, dt, allowed_ma, negative):
        self._wake_ms = self._wake_ms + dt if negative else 0
        if self._wake_ms >= _WAKE_MS:
            self.asleep = False
            self._quiet_ms = 0
        elif allowed_ma and not self.asleep:
            self._quiet_ms = 0
        else:
            self._quiet_ms += dt
            if self._quiet_ms >= self.sleep_ms:
                self.asleep = True

    def _draw(self, dt, allowed_ma):
        if allowed_ma == self._target_ma:
            self._adapt = 0
        elif self._adapt < self.adapt_ms and allowed_ma > 0:
            self._adapt += dt
        else:
            self._target_ma = allowed_ma
        target = self._target_ma
        if self.overdraw and target > 0:
            target = target * 14 // 10 + 2000
        elif not self.obeys:
            target = self.max_ma
        else:
            if self.simplified:
                target = min(target, _SIMPLIFIED_MA)
            target = min(target, self.max_ma)
            if self.overshoot_pct:
                target = self._overshot(dt, target)
        if self.steps:
            self.i_ma = self._regulated(dt, target)
        elif self.i_ma < target:
            self.i_ma = min(target, self.i_ma + dt * self.rise_ma_per_ms)
        elif self.i_ma > target:
            self.i_ma = max(target, self.i_ma - dt * self.fall_ma_per_ms)

    def _regulated(self, dt, target):
        """The target times the present step."""
        steps = self.steps
        self._step_ms = (self._step_ms + dt) % (len(steps) * self.step_ms)
        return target * steps[self._step_ms // self.step_ms] // 100

    def _overshot(self, dt, target):
        """The target with its overshoot, which begins when the current has risen to it."""
        if target <= self._risen_ma:
            self._risen_ma = target
            self._over_ms = 0
            return target
        if self.i_ma >= target:
            self._over_ms += dt
            if self._over_ms >= self.overshoot_ms:
                self._risen_ma = target
        return target + target * self.overshoot_pct // 100
