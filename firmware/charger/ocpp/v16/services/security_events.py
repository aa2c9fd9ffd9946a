"""SecurityEventNotification: sends the security log's entries in order, each until it is acknowledged.

Unsent entries are in the log on flash, so they survive restarts and times without a link (WP-42, 44). They are sent only
after BootNotification was accepted (WP-45).
"""

from micropython import const

from charger import clock, log
from charger.errors import CallError, CallFailedError
from charger.ocpp.transport.error_codes import NOT_IMPLEMENTED, NOT_SUPPORTED

_SINK = "ocpp"
_ATTEMPTS = const(3)  # CALLERRORs after which an event is skipped
_RETRY_S = const(60)
_UNKNOWN_S = const(3600)  # retry interval for a back end that does not support the message


class SecurityEvents:
    """Owned by the charge point; `security_log` is the log. call() and ready(): see ChargePoint."""

    def __init__(self, call: Callable, ready: Callable, security_log: SecurityLog):
        self._call = call
        self._ready = ready
        self._log = security_log
        self._done = -1  # all entries below are acknowledged
        self._refused = 0
        self._not_before_s = 0

    async def run(self) -> None:
        """The task."""
        while True:
            await clock.sleep_s(1)
            if self._ready() and self._log.next_seq > self._done and clock.uptime_s() >= self._not_before_s:
                await self._send()

    async def _send(self) -> None:
        await self._log.check()
        end = self._log.next_seq
        waiting = self._log.pending(_SINK)
        for entry in waiting:
            try:
                await self._call("SecurityEventNotification", payload(entry))
            except CallError as error:
                if not self._give_up(error):
                    return
            except CallFailedError as error:
                log.warn("events", log.reason(error))
                return
            self._refused = 0
            self._log.acknowledge(_SINK, entry.seq)
        if not waiting:
            self._done = end

    def _give_up(self, error: CallError) -> bool:
        """Handle a CALLERROR; True when this event is skipped."""
        log.warn("events", "refused: " + log.reason(error))
        if error.code in (NOT_IMPLEMENTED, NOT_SUPPORTED):
            self._not_before_s = clock.uptime_s() + _UNKNOWN_S
            return False
        self._refused += 1
        if self._refused < _ATTEMPTS:
            self._not_before_s = clock.uptime_s() + _RETRY_S
            return False
        return True


def payload(entry: Any) -> dict:
    """Make the message of an entry, with the lengths of SCH-1."""
    message = {"type": entry.event[:50], "timestamp": entry.time() or clock.now_iso()}
    info = entry.info if entry.genuine else ("ALTERED: " + entry.info)
    info = info if entry.exact else (info + " (time estimated)").strip()
    if info:
        message["techInfo"] = info[:255]
    return message
