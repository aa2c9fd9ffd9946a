"""The simulated world on the bare-metal target: the car and the faults of a bench, in time that moves where tasks wait."""

import gc
import json


def prepare():
    """A unit fresh from the factory, its flash in memory, its meters calibrated; time moves where asyncio waits."""
    for shim in ("machine", "network", "socket", "esp32"):
        __import__(shim)
    from sim import bootloader, control, flash, loop_wait, rtc, slots, timebase, world

    slots.attach(None)
    bootloader.choose()
    control.flash = flash.mount(None, power=slots.power)
    loop_wait.on_wait(rtc.keep)
    timebase.manual()
    world.fresh()
    control.flash.closed = control.flash.area.closed = world.any_closed
    _calibrate()
    gc.collect()


def _calibrate():
    """As the factory does (MET-3)."""
    import board

    from charger.drivers.meters import calibration
    from charger.store.files import Files
    from sim import world

    entries = {outlet.id: outlet.meter.factory() for outlet in world.current().outlets}
    Files(board.FLASH_ROOT).write_json(calibration.FILE, calibration.stored_form(entries))


def command(text):
    """Carry out a command of the control port, one JSON object; returns its reply."""
    from sim import control

    return control.answer(json.loads(text))[0]
