"""Registration: BootNotification until accepted, and the restrictions of Pending and Rejected (OCPP-25 to 31)."""

import asyncio
import os

from micropython import const

from charger import clock, log
from charger.errors import CallError, CallTimeoutError, DisconnectedError
from charger.net import time_sources
from charger.ocpp.v16.answers import utc_of, whole

ACCEPTED = "Accepted"
PENDING = "Pending"
REJECTED = "Rejected"

_RETRY_S = const(60)  # when the back end sends no interval (OCPP-28), and after an error
_LINK_S = const(10)  # after a message lost with the link, until a new link is reported
_CLOCK_STEP_S = const(2)  # smaller differences are ignored (OCPP-30)


class BootNotification:
    """`status` is None until the first answer of this start-up. accepted() is called each time it becomes Accepted."""

    def __init__(self, config: Configuration, call: Callable, accepted: Callable, unreadable: Callable):
        self._unreadable = unreadable  # called with a dropped field and the reason
        self._config = config
        self._call = call
        self._accepted = accepted
        self._wake = asyncio.Event()
        self._due_ms = 0
        self._connected = False
        self._links = 0  # how many links there were
        self.status = None
        self.answered = False  # with any status, since the start-up

    @property
    def accepted(self) -> bool:
        """True once the back end has accepted this start-up."""
        return self.status == ACCEPTED

    @property
    def silent(self) -> bool:
        """True while a rejected charge point neither sends nor answers (OCPP-28)."""
        return self.status == REJECTED and clock.uptime_ms() < self._due_ms

    def opened(self) -> None:
        """The link is up."""
        self._connected = True
        self._links += 1
        self._wake.set()

    def closed(self) -> None:
        """The link is down."""
        self._connected = False

    def trigger(self) -> None:
        """Send BootNotification now (TriggerMessage while pending)."""
        self._due_ms = 0
        self._wake.set()

    async def run(self) -> None:
        """The task: send BootNotification until Accepted (OCPP-11)."""
        while True:
            await self._due()
            links = self._links
            try:
                answer = await self._call("BootNotification", self._payload(), True)
                self.answered = True
                self._take(answer)
            except DisconnectedError:
                await self._next_link(links)
            except (CallError, CallTimeoutError) as error:
                if isinstance(error, CallError):
                    self.answered = True
                log.warn("boot", "BootNotification: " + log.reason(error))
                self._again(_RETRY_S)

    async def _next_link(self, links: int) -> None:
        """Wait for the next link after a message was lost; it may be up already."""
        started = clock.uptime_s()
        while self._links == links and clock.uptime_s() - started < _LINK_S:
            self._wake.clear()
            await self._sleep()

    async def _sleep(self) -> None:
        """Wait for a second or an event."""
        try:
            await asyncio.wait_for_ms(self._wake.wait(), 1000)
        except asyncio.TimeoutError:
            pass

    async def _due(self) -> None:
        """Wait until the link is up and the interval has passed without acceptance."""
        while not self._connected or self.accepted or clock.uptime_ms() < self._due_ms:
            self._wake.clear()
            if not self._connected or self.accepted:
                await self._wake.wait()
            else:
                await self._sleep()

    def _take(self, answer: dict) -> None:
        """Act on BootNotification.conf."""
        status = answer.get("status")
        interval = self._interval_of(answer.get("interval"))
        take_time(answer.get("currentTime"), self._unreadable)
        if status not in (ACCEPTED, PENDING, REJECTED):
            log.warn("boot", "BootNotification answered with no known status")
            self._again(_RETRY_S)
            return
        log.info("boot", "%s, interval %d s" % (status, interval))
        self.status = status
        if status == ACCEPTED:
            if interval:
                self._take_interval(interval)
            self._accepted()
        else:
            self._again(interval or _RETRY_S + os.urandom(1)[0] % _RETRY_S)

    def _interval_of(self, value: Any) -> int:
        """Return the answer's interval in seconds; 0 when absent or not valid for HeartbeatInterval."""
        interval = 0 if value is None else whole(value)
        if interval is None or (interval and not self._config.fits("HeartbeatInterval", str(interval))):
            self._unreadable("BootNotification.conf interval", "not a number of seconds that can be kept")
            return 0
        return interval

    def _take_interval(self, interval: int) -> None:
        try:
            self._config.put("HeartbeatInterval", str(interval))
        except OSError as error:
            log.error("boot", "interval not written: " + log.reason(error))

    def _again(self, seconds: int) -> None:
        self._due_ms = clock.uptime_ms() + 1000 * seconds

    def _payload(self) -> dict:
        """Make the payload, with lengths by SCH-1, without unknown values."""
        get = self._config.get_str
        payload = {"chargePointVendor": get("ChargePointVendor")[:20], "chargePointModel": get("ChargePointModel")[:20]}
        for field, key, longest in (
            ("chargeBoxSerialNumber", "ChargeBoxSerialNumber", 25),
            ("chargePointSerialNumber", "ChargePointSerialNumber", 25),
            ("firmwareVersion", "FirmwareVersion", 50),
            ("meterType", "MeterType", 25),
            ("meterSerialNumber", "MeterSerialNumber", 25),
        ):
            if get(key):
                payload[field] = get(key)[:longest]
        return payload


def take_time(text: Any, unreadable: Callable) -> None:
    """Set the clock from the back end's currentTime unless the difference is small."""
    try:
        seconds, millis = utc_of(text)
    except ValueError as error:
        unreadable("currentTime", str(error))
        return
    now = clock.utc_s()
    if now is None or abs(now - seconds) > _CLOCK_STEP_S:
        if not time_sources.offer("ocpp", seconds, millis):
            log.warn("boot", "the back end's time is not believed: " + clock.iso(seconds))
