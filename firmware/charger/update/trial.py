"""The trial of a new image at its first boot: it must prove that it works, or the previous image is restored.

Tested are pilot, contactor, meter, flash, configuration, and the back end if it was connected before. A session that
began meanwhile is ended as at any restart.
"""

from micropython import const

from charger import clock, log
from charger.runtime import hold_ups

_LIMIT_MS = const(300000)
_SETTLE_MS = const(3000)  # until the first readings are available
_STEP_MS = const(500)
_PROBE = "update.probe"


async def run(updater: Any, parts: Any) -> None:
    """Wait until all tests pass and confirm, or give up after 5 minutes. For an updater on trial. `parts`: see faults()."""
    log.info("update", "%s is on trial" % updater.version)
    await clock.sleep_ms(_SETTLE_MS)
    started = clock.ticks_ms()
    before = ""
    while True:
        try:
            why = faults(updater, parts)
            if not why:
                await hold_ups.run_open(updater.confirm)
                return
        except Exception as error:  # noqa: BLE001 - whatever it dies of: this image does not do its work
            why = log.reason(error)
        if why != before:
            log.info("update", "not yet: " + why)
            before = why
        if clock.elapsed_ms(started) > _LIMIT_MS:
            updater.give_up(why)
            return
        await clock.sleep_ms(_STEP_MS)


def faults(updater: Any, parts: Any) -> str:
    """Return the failed test as text; '' when all pass.

    parts: `outlets`, `meters`, `files`, `config` of the application.
    """
    for outlet in parts.outlets:
        if outlet.pilot_name()[0] not in ("ABCD" if outlet.available else "ABCDF"):
            return "the pilot of connector %d shows %s" % (outlet.id, outlet.pilot_name())
        if outlet.stuck_closed:
            return "the contactor of connector %d is not open" % outlet.id
    for meter in parts.meters:
        if not meter.reading.usable():
            return "the meter does not answer"
    try:
        parts.files.write(_PROBE, b"trial")
        if parts.files.read(_PROBE) != b"trial":
            return "the flash does not store what is written"
        parts.files.delete(_PROBE)
        parts.config.all()
    except (OSError, ValueError) as error:
        return "flash or configuration: " + log.reason(error)
    if updater.was_online and not updater.online():
        return "no connection to the back end, which the previous version had"
    return ""
