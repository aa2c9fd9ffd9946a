# Random changes to a message, for tests that feed damaged ones.
import random


def mutated(data, changes):
    """A copy of `data` after one to four changes, each one of `changes` called with (bytearray, position)."""
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if data:
            data = random.choice(changes)(data, random.randint(0, len(data) - 1))
    return data


def replace(octets):
    """Replace an octet by one of these."""
    return lambda data, at: data[:at] + bytes((random.choice(octets),)) + data[at + 1 :]


def insert(octets):
    """Insert one of these octets."""
    return lambda data, at: data[:at] + bytes((random.choice(octets),)) + data[at:]


def delete(most):
    """Delete up to `most` octets."""
    return lambda data, at: data[:at] + data[at + random.randint(1, most) :]


def repeat(count):
    """Repeat the next `count` octets."""
    return lambda data, at: data[:at] + data[at : at + count] + data[at:]
