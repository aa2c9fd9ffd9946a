"""Run long computations without holding the loop.

The public-key functions are generators: each `yield` ends a slice of a few dozen modular multiplications (under 1 ms on
a PC, about 10 ms on an ESP32), and the generator's return value is the result.
"""

from charger import clock


async def run(steps):
    """Drive a computation, letting every other task run between its slices; returns its result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        await clock.sleep_ms(0)


def run_now(steps):
    """Drive a computation at one go: only where no loop is running yet, as before start-up."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value
