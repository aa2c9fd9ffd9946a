"""The console, in builds that have one: open until the unit is provisioned, closed afterwards (SEC-19 to 21)."""

import micropython
from micropython import const

_CTRL_C = const(3)


def close() -> None:
    """Disable Ctrl-C on a provisioned unit, so that the prompt cannot be reached."""
    if is_closed():
        micropython.kbd_intr(-1)


def reopen() -> bool:
    """Enable Ctrl-C until the next restart, for a repair that the owner allows; False in an image without a console."""
    if is_product():
        return False
    micropython.kbd_intr(_CTRL_C)
    return True


def over() -> None:
    """Reset a provisioned unit after an unexpected end of the firmware: otherwise the port would open the prompt."""
    if is_closed():
        from charger.drivers import reset_cause  # memory.unload() unloads it after the start

        reset_cause.reset("an error of the firmware")


def has_line() -> bool:
    """True where packets can be received on the console's UART: the console is closed, but there is one (net/improv.py)."""
    return is_closed() and not is_product()


def is_closed() -> bool:
    """True on a provisioned unit, on one whose key storage cannot be opened, and in an image of the PRODUCT variant."""
    from charger.drivers.keystore import KeyStore  # memory.unload() unloads it after the start

    store = KeyStore()
    return store.provisioned() or not store.available or is_product()


def is_product() -> bool:
    """True in the PRODUCT variant, which freezes one more module (boards/common/manifest_product.py)."""
    try:
        import product_build  # type: ignore[import]  # noqa: F401

        return True
    except ImportError:
        return False
