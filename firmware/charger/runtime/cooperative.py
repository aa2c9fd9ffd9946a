"""Run long computations without blocking the loop.

The public-key functions are generators: each `yield` ends a slice of a few dozen modular multiplications (under 1 ms on
a PC, about 10 ms on an ESP32), and the generator's return value is the result.
"""

from charger import clock


async def run(steps: Any) -> Any:
    """Run a computation with a yield to other tasks between its slices; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        await clock.sleep_ms(0)


def run_now(steps: Any) -> Any:
    """Run a computation without yields: at start-up, or where its result has to be there when this returns."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
