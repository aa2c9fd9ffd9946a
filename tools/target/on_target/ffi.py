"""`ffi` of the bare-metal target, which has no C library: every function of it does nothing and returns 0."""


class _Library:
    def func(self, result, name, arguments):
        """A function that returns 0."""
        return _nothing


def _nothing(*arguments):
    return 0


def open(name):  # noqa: A001 - the name of the built-in module's function
    """Return a stand-in for any library."""
    return _Library()
