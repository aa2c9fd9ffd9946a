"""Registration: BootNotification until it is accepted, and what Pending and Rejected allow (OCPP-25 to 31)."""

import asyncio
import os

from micropython import const

from charger import clock, log
from charger.errors import CallError, CallTimeoutError, DisconnectedError
from charger.ocpp.v16.answers import utc_of, whole

ACCEPTED = "Accepted"
PENDING = "Pending"
REJECTED = "Rejected"

_RETRY_S = const(60)  # where the back end gives no interval (OCPP-28), and after an error
_LINK_S = const(10)  # after a message that the link lost, while nobody tells of a new link
_CLOCK_STEP_S = const(2)  # smaller differences are left alone (OCPP-30)


class BootNotification:
    """`status` is None until the first answer of this start-up. accepted() is called each time it becomes Accepted."""

    def __init__(self, config, call, accepted, unreadable):
        self._unreadable = unreadable  # called with a field that is dropped and why
        self._config = config
        self._call = call
        self._accepted = accepted
        self._wake = asyncio.Event()
        self._due_s = 0
        self._connected = False
        self._links = 0  # how many links there were
        self.status = None
        self.answered = False  # in any way, since the start-up

    @property
    def accepted(self) -> bool:
        """True once the back end has accepted this start-up."""
        return self.status == ACCEPTED

    @property
    def silent(self) -> bool:
        """True while a rejected charge point neither sends nor answers (OCPP-28)."""
        return self.status == REJECTED and clock.uptime_s() < self._due_s

    def opened(self):
        """The link is up."""
        self._connected = True
        self._links += 1
        self._wake.set()

    def closed(self):
        """The link is down."""
        self._connected = False

    def trigger(self):
        """Send BootNotification now (TriggerMessage while pending)."""
        self._due_s = 0
        self._wake.set()

    async def run(self):
        """The task: one BootNotification after the other until Accepted, then nothing more (OCPP-11)."""
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

    async def _next_link(self, links: int):
        """The link lost a message. The next link may be up already by the time that this is known."""
        started = clock.uptime_s()
        while self._links == links and clock.uptime_s() - started < _LINK_S:
            self._wake.clear()
            await self._sleep()

    async def _sleep(self):
        """A second, or until something happens."""
        try:
            await asyncio.wait_for_ms(self._wake.wait(), 1000)
        except asyncio.TimeoutError:
            pass

    async def _due(self):
        """Wait until the link is up, nobody has accepted yet, and the interval is over."""
        while not self._connected or self.accepted or clock.uptime_s() < self._due_s:
            self._wake.clear()
            if not self._connected or self.accepted:
                await self._wake.wait()
            else:
                await self._sleep()

    def _take(self, answer: dict):
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

    def _interval_of(self, value) -> int:
        """The interval of an answer in seconds; 0 where it gives none, or one that HeartbeatInterval cannot have."""
        interval = 0 if value is None else whole(value)
        if interval is None or (interval and not self._config.fits("HeartbeatInterval", str(interval))):
            self._unreadable("BootNotification.conf interval", "not a number of seconds that can be kept")
            return 0
        return interval

    def _take_interval(self, interval: int):
        try:
            self._config.put("HeartbeatInterval", str(interval))
        except OSError as error:
            log.error("boot", "interval not written: " + log.reason(error))

    def _again(self, seconds: int):
        self._due_s = clock.uptime_s() + seconds

    def _payload(self) -> dict:
        """Lengths by SCH-1; what is not known is left out."""
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


def take_time(text, unreadable):
    """Set the clock from a currentTime of the back end where it is off by more than a little."""
    try:
        seconds, millis = utc_of(text)
    except ValueError as error:
        unreadable("currentTime", str(error))
        return
    now = clock.utc_s()
    if now is None or abs(now - seconds) > _CLOCK_STEP_S:
        if not clock.set_utc(seconds, "ocpp", millis):
            log.warn("boot", "the back end's time is before this firmware was built")
