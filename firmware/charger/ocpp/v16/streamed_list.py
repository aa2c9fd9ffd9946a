"""An answer with a long list whose items are serialised while sending, so that it is never in the heap as a whole."""

import json


class StreamedList:
    """The answer {"name": [...]}; make(state) returns a new iterator of the same items each time, whatever has changed since.

    Iteration yields the text in pieces; `head` and `tail`, which rpc.py sets, are its beginning and end.
    """

    def __init__(self, name: str, make: Callable, state: Any):
        self._name = name
        self._make = make
        self._state = state
        self.head = self.tail = ""

    def __iter__(self) -> Iterator:
        yield self.head + '{"' + self._name + '":['
        comma = ""
        for item in self._make(self._state):
            yield comma + json.dumps(item, separators=(",", ":"))
            comma = ","
        yield "]}" + self.tail
