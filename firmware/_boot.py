"""The first Python code after a reset: contactors open, file system mounted. The port runs it with Ctrl-C switched off.

Pins come first, by the names of pins.csv, before any file is read (CP-30): CONTACTOR_OUT and PHASE_SWITCH_OUT, which end with _N
where the level 0 closes. A closed unit (drivers/console.py) runs boot.py
and main.py from here and is reset when they end, so that no exception leads to a prompt, and Ctrl-C is never switched on. An
open one returns to the port, which runs the two itself.

When the file system cannot be mounted a closed unit stays in its safe state: contactors open, LED blinking twice a second, a
new attempt by a reset after ten minutes. The button held for 10 s makes a new file system, like the factory reset that it is
on a unit that works; the unit has to be provisioned after that. What happened is in the security log of the next start.
"""

import machine

_names = dir(machine.Pin.board)
for _name in _names:
    if _name.startswith("CONTACTOR_OUT") or _name.startswith("PHASE_SWITCH_OUT"):  # noqa: PIE810 - no tuples here
        machine.Pin(_name, machine.Pin.OUT, value=1 if _name.endswith("_N") else 0)

import sys  # noqa: E402
import time  # noqa: E402

for _place in ("", "/lib"):  # before there are files: none may take the place of a module of the image (SEC-8)
    if _place in sys.path:
        sys.path.remove(_place)

from charger.drivers import console, flash_device, reset_cause  # noqa: E402
from charger.store import file_system  # noqa: E402

_RETRY_MS = 600000
_HELD_MS = 10000
_STEP_MS = 250
_WATCHDOG_MS = 8000


def _stay_safe(device: Any) -> None:
    """Wait for the button or the next attempt, then reset."""
    from charger.drivers.keystore import KeyStore  # memory.unload() unloads it: no name of this file may hold it

    store = KeyStore()
    store.add_count(store.MOUNT_FAILED)
    watchdog = machine.WDT(timeout=_WATCHDOG_MS)
    led = machine.Pin("LED", machine.Pin.OUT, value=0) if "LED" in _names else None
    button = machine.Pin("BUTTON", machine.Pin.IN) if "BUTTON" in _names else None
    held_ms = 0
    for step in range(_RETRY_MS // _STEP_MS):
        watchdog.feed()
        time.sleep_ms(_STEP_MS)
        if led is not None:
            led.value(step & 1)
        held_ms = held_ms + _STEP_MS if button is not None and not button.value() else 0
        if held_ms >= _HELD_MS and device is not None:
            file_system.make(device)
            store.add_count(store.FORMATTED)
            reset_cause.reset("a new file system")
    reset_cause.reset("a file system that cannot be mounted")


def _run() -> None:
    """Start the firmware; ends with a reset, returns only on an open unit."""
    try:
        device = flash_device.attach_partitions()
    except OSError:  # no such partition, or a flash that cannot be read
        device = None
    mounted = file_system.mount(device)
    if not console.is_closed():
        if not mounted:
            print("file system damaged: erase the vfs partition, or call charger.store.file_system.make()")
        return
    try:
        if not mounted:
            _stay_safe(device)
        import boot  # noqa: F401
        import main  # noqa: F401
    except Exception as error:  # noqa: BLE001 - whatever it is: the port would go on to the prompt
        sys.print_exception(error)
    reset_cause.reset("an error of the firmware")


_run()
