"""Installation of the offered update for the owner: download, wait until no car charges, install (SEC-7)."""

from micropython import const

from charger import clock, log

_ANSWERED_MS = const(2000)  # the client has its answer, and the server's memory is free again


async def install(updater: Updater, availability: Availability) -> None:
    """Install; does not return on success. The caller has reserved the updater. A failure is in the log and in the status."""
    await clock.sleep_ms(_ANSWERED_MS)
    updater.failed = ""
    try:
        updater.on_pause = None  # that of the back end's last download
        await updater.fetch(updater.offer["url"], True)
        availability.hold(True)  # no session is interrupted; free connectors are blocked until the restart
        while availability.apply():
            await clock.sleep_ms(1000)
        await updater.install()
    except (OSError, ValueError, MemoryError) as error:
        updater.failed = log.reason(error)
        log.error("update", "not installed: " + updater.failed)
    finally:
        updater.reserved = False
        availability.hold(False)
