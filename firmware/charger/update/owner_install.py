"""The owner has asked for the update that is on offer: fetch it, wait until nobody charges, install it (SEC-7)."""

from micropython import const

from charger import clock, log

_ANSWERED_MS = const(2000)  # the page has its answer, and its memory is free again


async def install(app) -> None:
    """Does not return when it works. Why it did not is in the log, and in the updater's report."""
    updater = app.updates.updater
    availability = app.charge_point.availability
    await clock.sleep_ms(_ANSWERED_MS)
    try:
        await updater.fetch(updater.offer["url"])
        availability.hold(True)  # nobody's charging is cut off; what is free stays free until the restart
        while availability.apply():
            await clock.sleep_ms(1000)
        await updater.install()
    except (OSError, ValueError, MemoryError) as error:
        log.error("update", "not installed: " + log.reason(error))
    finally:
        availability.hold(False)
