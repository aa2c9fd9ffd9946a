# The files of limits and latch as they lie there, the enclosure's switch, the key store's marks.

FILES = ("safety/limits.1", "safety/limits.2", "ocpp_config.json")
LATCHES = ("safety/tamper.1", "safety/tamper.2")


class Pin:
    """A closed enclosure."""

    def value(self):
        return 0


class OpenPin:
    """An open enclosure."""

    def value(self):
        return 1


class Marks:
    """The marks of a KeyStore."""

    def __init__(self):
        self.names = []

    def known(self, name):
        return name in self.names

    def add_count(self, name):
        self.names.append(name)


def raw(files, name):
    """The bytes of a file as they lie there."""
    with open(files.path(name), "rb") as file:
        return file.read()


def put(files, name, data):
    """Replace the bytes of a file; None removes it."""
    if data is None:
        files.delete(name)
        return
    with open(files.path(name), "wb") as file:
        file.write(data)


def restore(files, step):
    """Put the bytes of all files back."""
    for name, data in zip(FILES, step):
        put(files, name, data)


def polled(seen, pin, count=5):
    """Let the watch read this pin so often."""
    seen._pin = pin
    for _ in range(count):
        seen.poll()
