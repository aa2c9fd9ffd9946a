# Inside MicroPython: what test_interleaved.py inserts into the loop's functions calls here, at each point of them.
hook = None  # the tick, while an action is interleaved
points = 0  # passed since arm()
ran = 0  # ticks run at points, in all
_at = -1
_inside = False
_MOST = 600  # points with a tick each: OutletView takes its attributes again until no tick comes in between


def arm(tick, at=None):
    """From now on run tick() at the point of this number, or at every point."""
    global hook, points, _at
    hook = tick
    points = 0
    _at = -1 if at is None else at


def disarm():
    """Run nothing any more; the number of points that were passed."""
    global hook
    hook = None
    return points


def _t_(value):
    """One point between two steps of the loop."""
    global points, _inside, ran
    if hook is not None and not _inside:
        points += 1
        if (_at < 0 and points <= _MOST) or points - 1 == _at:
            _inside = True
            ran += 1
            try:
                hook()
            finally:
                _inside = False
    return value
