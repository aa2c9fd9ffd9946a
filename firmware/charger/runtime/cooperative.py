"""Run long computations without holding the loop.

The public-key functions are generators: each `yield` ends a slice of a few dozen modular multiplications (under 1 ms on
a PC, about 10 ms on an ESP32), and the generator's return value is the result.
"""

from charger import clock, late

_HEAVY = (
    "crypto.pem", "crypto.der", "crypto.sha2", "crypto.rsa", "crypto.ec",
    "crypto.keys", "crypto.csr", "crypto.x509", "crypto.path_validation",
    "credentials.root_store",
)  # fmt: skip


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


async def load(*names):
    """Import modules one at a time: where they come as source, compiling all at once takes too long."""
    for name in names if __file__.endswith(".py") else ():  # compiled, they come when they are needed
        __import__("charger." + name)
        await clock.sleep_ms(0)


def unload():
    """Give the memory of the public-key code back: it is needed once in months. Who uses it just now keeps it."""
    late.drop(*["charger." + name for name in _HEAVY])
