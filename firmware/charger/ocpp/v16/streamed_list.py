"""An answer with a long list, of which one item at a time is made while it is sent: it is never in the heap as a whole."""

import json


class StreamedList:
    """{"name": [...]}; make() gives an iterator of the items, anew and the same each time.

    Iterated it gives the text in pieces; `head` and `tail`, which rpc.py sets, go before and behind.
    """

    def __init__(self, name: str, make):
        self._name = name
        self._make = make
        self.head = self.tail = ""

    def __iter__(self):
        yield self.head + '{"' + self._name + '":['
        comma = ""
        for item in self._make():
            yield comma + json.dumps(item, separators=(",", ":"))
            comma = ","
        yield "]}" + self.tail
