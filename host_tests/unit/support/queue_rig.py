# A transaction queue with a scripted back end, on a simulated flash and in manual time.
import asyncio

import flashrig

from charger import clock
from charger.errors import DisconnectedError
from charger.ocpp.v16.stamps import now_stamp
from charger.ocpp.v16.transaction_queue import METER, START, STOP, TransactionQueue
from sim import timebase

NOW = 1790000000


class Config:
    def __init__(self, attempts=3, interval_s=60):
        self.values = {"TransactionMessageAttempts": attempts, "TransactionMessageRetryInterval": interval_s}

    def get_int(self, name):
        return self.values[name]


class Rig:
    """An outbox and a back end that answers with what `answer(action, payload)` says; it may raise."""

    def __init__(self, files=None, config=None):
        timebase.manual()
        clock._zero_s = None
        clock.set_utc(NOW, "test")
        if files is None:
            flashrig.fresh()
        self.files = files or flashrig.files()
        self.config = config or Config()
        self.up = True
        self.sent = []  # (uptime in s, action, payload)
        self.done = []
        self.answer = lambda action, payload: {"transactionId": 500 + len(self.sent)} if action == START else {}
        self.task = None
        self.open()

    def open(self):
        self.box = TransactionQueue(self.files, self.config, self.call, lambda: self.up, self.through)

    async def call(self, action, payload):
        if not self.up:
            raise DisconnectedError(action)
        self.sent.append((clock.uptime_s(), action, payload))
        await clock.sleep_ms(1)
        answer = self.answer(action, payload)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def through(self, action, local_id, payload, answer):
        self.done.append((action, local_id, answer))

    def start(self):
        self.task = asyncio.create_task(self.box.run())

    def restart(self):
        """The power goes and comes back."""
        if self.task is not None:
            self.task.cancel()
            self.task = None
        clock.boot_id += 1
        self.open()

    def cut(self):
        self.up = False

    def link(self):
        self.up = True
        self.box.retry_now()

    async def empty(self):
        for _ in range(200000):
            if not self.box.waiting:
                return
            await clock.sleep_ms(50)
        raise AssertionError("still waiting: %d" % self.box.waiting)

    def begin(self, local_id, wh=0):
        self.box.add(START, local_id, {"connectorId": 1, "idTag": "T", "meterStart": wh, "timestamp": now_stamp()},
                     clock.boot_id)  # fmt: skip

    def end(self, local_id, wh=10):
        self.box.add(STOP, local_id, {"meterStop": wh, "timestamp": now_stamp(), "reason": "Local"}, clock.boot_id)

    def read(self, local_id, mark=0):
        value = {"timestamp": now_stamp(), "sampledValue": [{"value": str(mark)}]}
        self.box.add_reading(local_id, {"connectorId": 1, "meterValue": [value]})

    def read_offline(self, count):
        """Start transaction 1 without a connection and queue so many readings of it."""
        self.cut()
        self.begin(1)
        for n in range(count):
            self.read(1, n)

    def order(self):
        return [item[1] for item in self.sent]

    def marks(self):
        return [int(p["meterValue"][0]["sampledValue"][0]["value"]) for _, action, p in self.sent if action == METER]
