"""Installation of the offered update for the owner: download, wait until no car charges, install (SEC-7)."""

from micropython import const

from charger import clock, log

_ANSWERED_MS = const(2000)  # the client has its answer, and the server's memory is free again


async def install(updates: UpdateManager, availability: Availability) -> None:
    """Install; does not return on success. A failure is in the log and in the updater's report."""
    updater = updates.updater
    await clock.sleep_ms(_ANSWERED_MS)
    try:
        await updater.fetch(updater.offer["url"])
        availability.hold(True)  # no session is interrupted; free connectors are blocked until the restart
        while availability.apply():
            await clock.sleep_ms(1000)
        await updater.install()
    except (OSError, ValueError, MemoryError) as error:
        log.error("update", "not installed: " + log.reason(error))
    finally:
        updates.installing = False
        availability.hold(False)
