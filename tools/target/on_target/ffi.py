"""`ffi` of the bare-metal target, where there is no C library to call: what the simulated board asks of it does nothing."""


class _Library:
    def func(self, result, name, arguments):
        """A function that returns 0."""
        return _nothing


def _nothing(*arguments):
    return 0


def open(name):  # noqa: A001 - the name of the built-in module's function
    """Any library."""
    return _Library()
