"""Moving and tripping parts of the power side: contactor, residual current monitor, lock. Integers, stepped by the outlet."""

from micropython import const

_BOUNCE_MS = const(3)
_NO_POLE = const(0)
_RCD_MS = const(20)  # from a residual current, or the test input, to the trip output, and back
_LOCK_MS = const(250)


class Contactor:
    """Coil and contacts. `closed` is the state of the main contacts, `feedback` that of the auxiliary contact.

    close_ms, open_ms     movement time
    bounce_ms             how long the auxiliary contact bounces after a change
    auxiliary             level of a stuck auxiliary contact; None: it follows the main contacts
    welded_pole           1 to 3: the main contact of this pole stays closed when the others open; 0: none
    welded                contacts stay closed
    stuck                 contacts stay open
    changed_ms            ticks_ms() of the last change of the main contacts
    operations            closings so far
    coil                  its driver is on
    """

    def __init__(self):
        self.coil = False
        self.close_ms = 15
        self.open_ms = 10
        self.bounce_ms = _BOUNCE_MS
        self.auxiliary = None
        self.welded_pole = _NO_POLE
        self.welded = self.stuck = self.closed = False
        self.changed_ms = 0
        self.operations = 0
        self._moving = self._bounce = 0

    def step(self, dt, powered, now):
        """dt ms pass, ending at now, with power for the coil or not; True when the main contacts changed."""
        if self._bounce:
            self._bounce = max(0, self._bounce - dt)
        want = ((self.coil and powered) or self.welded) and not self.stuck
        if want == self.closed:
            self._moving = 0
            return False
        self._moving += dt
        needed = self.close_ms if want else self.open_ms
        if self._moving < needed and not self.welded:
            return False
        self.closed = want
        if want:
            self.operations += 1
        self.changed_ms = now - (self._moving - needed if self._moving > needed else 0)
        self._moving = 0
        self._bounce = self.bounce_ms
        return True

    def pole_closed(self, pole):
        """Whether the main contact of a pole, counted from 1, is closed."""
        return self.closed or pole == self.welded_pole

    @property
    def every_pole_open(self):
        """State of a mirror contact."""
        return not self.feedback and self.welded_pole == _NO_POLE

    def next_ms(self, powered):
        """Milliseconds until the auxiliary contact may change, with power for the coil or not; -1: no change is due."""
        if self._bounce:
            return 1
        if (((self.coil and powered) or self.welded) and not self.stuck) == self.closed:
            return -1
        return max(1, (self.open_ms if self.closed else self.close_ms) - self._moving)

    @property
    def feedback(self):
        """1 when the auxiliary contact is closed; it bounces for some ms after a change."""
        if self.auxiliary is not None:
            return self.auxiliary
        if self._bounce & 1:
            return 0 if self.closed else 1
        return 1 if self.closed else 0


class ResidualMonitor:
    """RDC-DD or RCD: `tripped` is its output, which also cuts the coil in hardware (CP-43).

    leaking               a residual current flows
    trip_ms, test_ms      time from the residual current, or from the test input, to the output
    release_ms            time from their end to the release of the output
    latching, latched     the output stays until reset(); a test ends with its input
    dead                  the self-test gets no answer
    stuck                 the output stays tripped
    """

    def __init__(self):
        self.leaking = False
        self.dead = False
        self.stuck = False
        self.behind = None  # the contactor between mains and leak: the current ends when it opens
        self.trip_ms = self.test_ms = _RCD_MS
        self.release_ms = _RCD_MS
        self.latching = self.latched = False
        self.test = False
        self.tripped = False
        self._moving = 0

    def reset(self):
        """Press the reset button of a latching monitor."""
        self.latched = False

    def step(self, dt):
        """dt ms pass."""
        want = self._want()
        if want == self.tripped:
            self._moving = 0
            return
        self._moving += dt
        if self._moving >= self._takes(want):
            self.tripped = want
            self._moving = 0
            self.latched = want and self.latching and self._flows()

    def _takes(self, want):
        if not want:
            return self.release_ms
        return self.trip_ms if self._flows() else self.test_ms

    def _flows(self):
        return self.leaking and (self.behind is None or self.behind.closed)

    def _want(self):
        return self.stuck or self.latched or ((self._flows() or self.test) and not self.dead)

    def next_ms(self):
        """Milliseconds until the output changes; -1: no change is due."""
        return -1 if self._want() == self.tripped else max(1, self._takes(self._want()) - self._moving)


class Lock:
    """Motor lock of the socket: `locked` is its feedback switch. jammed: the bolt stays in the wrong position.

    jams, sticks  number of coming pushes, or releases, that do not move the bolt; move_ms  travel time of the bolt
    """

    def __init__(self):
        self.command = False
        self.jammed = False
        self.jams = self.sticks = 0
        self.move_ms = _LOCK_MS
        self._pushed = False
        self.locked = False
        self._moving = 0

    def step(self, dt):
        """dt ms pass."""
        if self.command != self._pushed:
            if self._pushed and self.jams and not self.locked:
                self.jams -= 1
            if not self._pushed and self.sticks and self.locked:
                self.sticks -= 1
            self._pushed = self.command
        want = self._want()
        if want == self.locked:
            self._moving = 0
            return
        self._moving += dt
        if self._moving >= self.move_ms:
            self.locked = want
            self._moving = 0

    def _want(self):
        if not self.command and self.sticks and self.locked:
            return True
        return self.command != self.jammed and (self.locked or not (self.command and self.jams))

    def next_ms(self):
        """Milliseconds until the feedback changes; -1: no change is due."""
        return -1 if self._want() == self.locked else max(1, self.move_ms - self._moving)
