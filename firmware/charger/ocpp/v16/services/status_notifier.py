"""Delivery of status notifications in order and without loss, also across link failures (WP-32, WP-41)."""

from micropython import const

_MOST = const(16)  # beyond that the oldest is dropped
_ATTEMPTS = const(3)  # while the link is up


class StatusNotifier:
    """`action` is the message; notify() queues a payload, second() must be called once a second.

    post_call() and ready(): see ChargePoint.
    """

    def __init__(self, post_call: Callable, ready: Callable, action: str):
        self._post_call = post_call
        self._ready = ready
        self._action = action
        self._waiting = []
        self._under_way = False
        self._refused = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def notify(self, payload: dict, done: Callable | None = None) -> None:
        """Queue a payload; done() is called when it was delivered or dropped."""
        if len(self._waiting) >= _MOST:
            self._waiting.pop(1 if self._under_way else 0)
        self._waiting.append((payload, done))
        self._next()

    def second(self) -> None:
        """Retry undelivered payloads."""
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._under_way and self._ready():
            self._under_way = True
            self._post_call(self._action, self._waiting[0][0], False, self._failed, self._done)

    def _done(self, _answer: Any | None = None) -> None:
        self._under_way = False
        self._refused = 0
        done = self._waiting.pop(0)[1]
        if done is not None:
            done()
        self._next()

    def _failed(self) -> None:
        self._under_way = False
        if self._ready():  # answered with an error or not at all
            self._refused += 1
            if self._refused >= _ATTEMPTS:
                self._done()
