"""Reset causes that the port reports as one are distinguished by the marker in the RTC memory."""

import machine
from check import equal

from charger.drivers import reset_cause
from sim import launch, rtc

PWRON, HARD, WDT, SOFT = machine.PWRON_RESET, machine.HARD_RESET, machine.WDT_RESET, machine.SOFT_RESET


def start(cause):
    launch.config["reset_cause"] = cause
    return reset_cause.read_and_clear()


def ordered(why):
    kept = machine.reset
    machine.reset = lambda: None
    try:
        reset_cause.reset(why)
    finally:
        machine.reset = kept
    return start(HARD)


def teardown():
    launch.config["reset_cause"] = PWRON
    rtc.set_memory(b"")


def test_power_on_and_brown_out_are_distinguished():
    for lost in (b"", b"PLR1", b"\xff" * 40, b"PLR1R\0\0\0\0"):
        rtc.set_memory(lost)
        equal(start(PWRON), ("power on", ""))
    equal(start(PWRON), ("brown-out", ""))  # the marker of the last start is still there


def test_ordered_reset_and_panic_are_distinguished():
    start(PWRON)
    equal(ordered("the back end"), ("ordered reset", "the back end"))
    equal(start(HARD), ("panic", ""))  # the order held for one reset
    equal(ordered("x" * 100), ("ordered reset", "x" * 64))
    rtc.set_memory(b"")
    equal(start(HARD), ("ordered reset", ""))  # of a firmware that wrote no marker


def test_watchdog_soft_reset_and_unknown_causes_are_what_the_port_says():
    ordered("x")
    equal(start(WDT), ("watchdog", ""))
    equal(start(SOFT), ("soft reset", ""))
    equal(start(0), ("reset, cause 0", ""))


def test_log_key_is_drawn_with_the_radio_on_and_not_without_one():
    import esp32

    from charger import wiring
    from charger.drivers.keystore import KeyStore
    from charger.net import wifi

    nvs = esp32.NVS("pilotlight")
    try:
        nvs.erase_key("log_key")
        nvs.commit()
    except OSError:
        pass
    kept = wifi.turn_on
    asked = []
    try:
        wifi.turn_on = lambda: asked.append(KeyStore().has_log_key()) or False
        equal(wiring.log_key(7), (b"", 0))
        equal(KeyStore().has_log_key(), False)
        wifi.turn_on = lambda: asked.append(KeyStore().has_log_key()) or True
        key, first = wiring.log_key(9)
        equal((len(key), first, asked), (32, 9, [False, False]))  # on before the key was drawn
        equal(wiring.log_key(12), (key, 9))
        equal(len(asked), 2)  # there is a key: the radio is nobody's business at a start
    finally:
        wifi.turn_on = kept
