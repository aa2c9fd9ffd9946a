"""The console, where the build has one: open on a unit that is being made, closed once it has credentials (SEC-19 to 21)."""

import micropython

from charger.drivers.keystore import KeyStore


def close() -> None:
    """On a provisioned unit Ctrl-C ends nothing from here on, so nobody gets to the prompt."""
    if is_closed():
        micropython.kbd_intr(-1)


def over() -> None:
    """The firmware has ended, which it never should: a provisioned unit starts anew, as the prompt would come next."""
    if is_closed():
        from charger.drivers import reset_cause

        reset_cause.reset("an error of the firmware")


def is_closed() -> bool:
    """True on a provisioned unit, on one whose key storage cannot be opened, and in an image of the PRODUCT variant."""
    store = KeyStore()
    return store.provisioned() or not store.available or _is_product()


def _is_product() -> bool:
    """The PRODUCT variant freezes one module more (boards/common/manifest_product.py)."""
    try:
        import product_build  # type: ignore[import]  # noqa: F401

        return True
    except ImportError:
        return False
