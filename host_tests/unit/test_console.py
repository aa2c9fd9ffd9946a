"""The console: when Ctrl-C reaches the prompt, what becomes of the firmware's end, who may open it (SEC-21)."""

import sys

from check import equal, raises

from charger.drivers import console, keystore, reset_cause

DONE = []
_kept = {}


class Store:
    """A KeyStore of a unit in one state."""

    available = True
    done = False

    def provisioned(self):
        return self.done


class Interpreter:
    """In place of the module micropython."""

    def kbd_intr(self, key):
        DONE.append(key)


class Reset(BaseException):
    """The chip restarts."""


def ordered(why):
    raise Reset(why)


def setup():
    DONE.clear()
    _kept.update({"store": keystore.KeyStore, "micropython": console.micropython, "reset": reset_cause.reset})
    keystore.KeyStore, console.micropython, reset_cause.reset = Store, Interpreter(), ordered


def teardown():
    keystore.KeyStore, console.micropython, reset_cause.reset = _kept["store"], _kept["micropython"], _kept["reset"]
    sys.modules.pop("product_build", None)


def states():
    """(closed, product) of each kind of unit, while it is one: provisioned, its key storage available, PRODUCT variant."""
    for provisioned, available, product in ((False, True, False), (True, True, False), (False, False, False),
                                            (False, True, True), (True, True, True)):  # fmt: skip
        Store.done, Store.available = provisioned, available
        if product:
            sys.modules["product_build"] = sys
        yield provisioned or not available or product, product


def test_a_unit_that_is_provisioned_sold_or_without_its_key_storage_has_no_prompt():
    for closed, product in states():
        DONE.clear()
        console.close()
        equal((console.is_closed(), console.is_product(), DONE), (closed, product, [-1] if closed else []))


def test_the_end_of_the_firmware_of_a_closed_unit_is_a_reset_and_no_prompt():
    for closed, _ in states():
        if closed:
            equal(str(raises(Reset, console.over)), "an error of the firmware")
        else:
            console.over()


def test_the_owner_opens_the_console_but_of_a_product_which_has_none():
    for _, product in states():
        DONE.clear()
        equal((console.reopen(), DONE), (False, []) if product else (True, [3]))


def test_the_serial_line_takes_packets_only_where_the_console_is_closed_and_there_is_one():
    for closed, product in states():
        equal(console.has_line(), closed and not product)
