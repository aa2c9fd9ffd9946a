"""The console, where the build has one: open on a unit that is being made, closed once it has credentials (SEC-19 to 21)."""

import machine
import micropython

from charger.drivers.keystore import KeyStore


def close() -> None:
    """On a provisioned unit Ctrl-C ends nothing from here on, so nobody gets to the prompt."""
    if _is_provisioned():
        micropython.kbd_intr(-1)


def over() -> None:
    """The firmware has ended, which it never should: a provisioned unit starts anew, as the prompt would come next."""
    if _is_provisioned():
        machine.reset()


def _is_provisioned() -> bool:
    return KeyStore().provisioned()
