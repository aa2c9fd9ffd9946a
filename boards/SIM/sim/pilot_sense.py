"""The ADC behind the pilot's divider: edges, conversion time, phase of the PWM, noise and disturbances. Small integers only."""

import utime
from micropython import const

from sim import timebase
from sim.launch import setting

_PAUSE_MS = const(3)  # a longer pause than this lies between two bursts
_NOISE_UV = const(2048)
_JITTER_US = const(3)
RAIL_UV = const(3300000)


class PilotSense:
    """The result of one conversion. Settings, nominal as they stand; refresh() after a change:

    conversion_us  from one sample to the next
    locked         each burst begins at the same phase of the PWM, moved by drift_ppm; else at any
    noise_uv       peak of the noise at the ADC
    edge_us        how long the stray capacitance of cable and car bends an edge (CP-2)
    ring_uv        the plateau rings by so much after an edge, dying away over ring_us
    burst_uv       every sample is off by so much for the next burst_us of sampling
    glitch_uv      one sample in glitch_every is off by so much (0: none)
    floor_uv, ceiling_uv, bow_uv  where the ADC ends, and how far its middle is bent
    force(uv, ms)  every sample is so much for the next ms
    """

    def __init__(self, random):
        self.conversion_us = int(setting("AdcConversionUs", "45"))
        self.locked = False
        self.drift_ppm = 0
        self.noise_uv = _NOISE_UV
        self.edge_us = 14
        self.ring_uv = 0
        self.ring_us = 20
        self.burst_uv = self.burst_us = 0
        self.glitch_uv = 0
        self.glitch_every = 0
        self.floor_uv = 0
        self.ceiling_uv = RAIL_UV
        self.bow_uv = 0
        self.high_uv = self.low_uv = self.high_us = 0  # the outlet's: what the generator and the car make of the pilot
        self._one = 1 + random.between(0, 30000)
        self._two = 1 + random.between(0, 30000)
        self._start_us = random.between(0, 999)
        self.phase_us = self._start_us
        self._drifted = 0
        self._last_us = 0
        self._samples = 0
        self._last_ms = timebase.ticks_ms()
        self._ring_end_us = self._forced_uv = 0
        self._forced_until_ms = None
        self._plain = True
        self.refresh()

    def random(self):
        """0 to 32767."""
        self._one = one = self._one * 171 % 30269
        self._two = two = self._two * 172 % 30307
        return (one + two) & 0x7FFF

    def _begin_burst(self, dt):
        if not self.locked:
            self.phase_us = self.random() % 1000
            return
        self._drifted = (self._drifted + dt * self.drift_ppm) % 1000000
        self.phase_us = (self._start_us + self._drifted // 1000) % 1000

    def sample_uv(self, now):
        """One conversion at a time in ms, in steps of 1 mV."""
        noise = self.random()
        timebase.take(self.conversion_us + (noise & 7) - _JITTER_US)
        self._move_to(now)
        uv = self._level_uv(self.phase_us) + ((noise - 16384) * self.noise_uv >> 14)
        return uv // 1000 * 1000 if self._plain else self._flawed_uv(uv) // 1000 * 1000

    def _move_to(self, now):
        """Bring the phase of the PWM up to now."""
        now_us = timebase.ticks_us()
        dt = utime.ticks_diff(now, self._last_ms)
        if dt > _PAUSE_MS:
            self._begin_burst(dt)
        else:
            self.phase_us = (self.phase_us + utime.ticks_diff(now_us, self._last_us)) % 1000
        self._last_us = now_us
        self._last_ms = now

    def refresh(self):
        """Work out anew what depends on settings."""
        self._ring_end_us = self.edge_us + (self.ring_us if self.ring_uv else 0)
        ends = self.floor_uv or self.ceiling_uv < RAIL_UV
        self._plain = not (ends or self.bow_uv or self.glitch_every or self.burst_us or self._forced_until_ms is not None)

    def force(self, uv, ms):
        """Every sample is uv for ms."""
        self._forced_uv = uv
        self._forced_until_ms = utime.ticks_add(timebase.ticks_ms(), ms)
        self.refresh()

    def _flawed_uv(self, uv):
        if self._forced_until_ms is not None:
            if utime.ticks_diff(self._forced_until_ms, timebase.ticks_ms()) > 0:
                return self._forced_uv
            self._forced_until_ms = None
        if self.burst_us > 0:
            self.burst_us -= self.conversion_us
            uv += self.burst_uv
        if self.glitch_every:
            self._samples += 1
            if self._samples >= self.glitch_every:
                self._samples = 0
                uv += self.glitch_uv
        return self._seen_uv(uv)

    def _level_uv(self, phase):
        high_us = self.high_us
        if phase < high_us:
            uv = self.high_uv
            other = self.low_uv
        else:
            uv = self.low_uv
            other = self.high_uv
            phase -= high_us
        if phase >= self._ring_end_us or high_us == 0 or high_us >= 1000:
            return uv
        if phase < self.edge_us:
            return uv - (uv - other) * (self.edge_us - phase) // self.edge_us
        if self.ring_uv:
            phase -= self.edge_us
            if phase < self.ring_us:
                uv += self.ring_uv * (self.ring_us - phase) // self.ring_us * (1 if phase & 4 else -1)
        return uv

    def _seen_uv(self, uv):
        return chip_uv(uv, self.floor_uv, self.ceiling_uv, self.bow_uv)


def chip_uv(uv, floor_uv, ceiling_uv, bow_uv):
    """The chip's reading of a voltage: its ends, and its middle off by bow_uv."""
    if bow_uv:
        uv += bow_uv * (uv // 1000) // 3300 * (3300 - uv // 1000) // 825
    return min(max(uv, floor_uv), ceiling_uv)
