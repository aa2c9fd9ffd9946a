"""The listener of the local API: which connections are served, and what is left of one that has ended (SEC-9, SEC-26)."""

import asyncio

from check import equal, raises_async, true

from charger.local_api import listener as listener_module
from charger.local_api.listener import LocalApiListener, LoginSession
from charger.runtime import hold_ups
from sim import timebase

_kept = {}


class Listening:
    """The listening socket of a Network."""

    def __init__(self, network, words):
        self.network, self.done = network, [words]

    def setblocking(self, value):
        self.done.append(("setblocking", value))

    def setsockopt(self, *words):
        self.done.append(words)

    def bind(self, address):
        self.done.append(("bind", address))

    def listen(self, waiting):
        self.done.append(("listen", waiting))

    def close(self):
        self.done.append("close")

    def accept(self):
        client = self.network.clients.pop(0)
        if isinstance(client, OSError):
            raise client
        return client, (client.host, 5000)


class Network:
    """In place of the modules socket and runtime/memory.py, and of the parts that a listener gets."""

    SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR = 1, 4095, 4
    FIRST_CLIENT, NEXT_CLIENT = "first", "next"

    def __init__(self):
        self.clients, self.opened, self.asked = [], [], []
        self.altered = False
        self.fits = True
        self.freed = 0

    def getaddrinfo(self, host, port, family, kind):
        return [(2, kind, 6, "", (host, port))]

    def socket(self, *words):
        self.opened.append(Listening(self, words))
        return self.opened[-1]

    def fits_tls(self, which):
        self.asked.append(which)
        return self.fits

    def heap_free(self):
        return 1

    def free(self):
        self.freed += 1

    async def readable(self, _listener):
        while not self.clients:
            await asyncio.sleep_ms(0)


class Client:
    """A connection of the Network; `error` ends its service, which otherwise goes on until it is cancelled."""

    def __init__(self, host="10.0.0.1", error=None):
        self.host, self.error = host, error
        self.done = []

    def setblocking(self, value):
        self.done.append(value)

    def close(self):
        self.done.append("close")


async def serve(_listener, client, host):
    """Serves a client of the tests."""
    equal(host, client.host)
    client.done.append("served")
    if client.error:
        raise client.error
    await asyncio.Event().wait()


def setup():
    timebase.manual()
    _kept.update({"socket": listener_module.socket, "memory": listener_module.memory, "readable": listener_module._readable})


def teardown():
    listener_module.socket, listener_module.memory = _kept["socket"], _kept["memory"]
    listener_module._readable = _kept["readable"]
    hold_ups.configure((), 0)
    timebase.set_scale(1)


async def begun(network):
    """(listener, its task), once it listens or waits."""
    listener_module.socket = listener_module.memory = network
    listener_module._readable = network.readable
    listener = LocalApiListener("10.0.0.2:8443", serve, network, network)
    equal((listener.port, listener.sessions), (None, []))
    task = asyncio.create_task(listener.run())
    await turns()
    return listener, task


async def turns(advance_ms=0):
    for _ in range(10):
        await asyncio.sleep_ms(0)
        timebase.advance(advance_ms // 10)


async def connect(network, *clients):
    """Let the clients connect one by one; list the deeds of each."""
    for client in clients:
        network.clients.append(client)
        await turns(100)
    return [client.done for client in clients]


async def test_it_listens_at_its_address_and_tells_its_port_until_it_ends():
    network = Network()
    listener, task = await begun(network)
    [listening] = network.opened
    equal((listener.port, listening.done), (8443, [(2, 1, 6), ("setblocking", False), (4095, 4, 1), ("bind", ("10.0.0.2", 8443)),
                                                   ("listen", 4)]))  # fmt: skip
    task.cancel()
    await turns()
    equal((listener.port, listening.done[-1]), (None, "close"))


async def test_an_address_that_cannot_be_bound_is_an_error_and_leaves_no_socket():
    network = Network()

    def bind(_self, _address):
        raise OSError(98)

    Listening.bind, kept = bind, Listening.bind
    try:
        listener, task = await begun(network)
        await raises_async(OSError, task)
    finally:
        Listening.bind = kept
    equal((listener.port, network.opened[0].done[-1]), (None, "close"))


async def test_an_altered_image_has_no_page_and_ends_the_one_that_is_open():
    network = Network()
    network.altered = True
    listener, task = await begun(network)
    await turns(5000)
    equal((listener.port, network.opened), (None, []))
    network.altered = False
    await turns(2000)
    equal(listener.port, 8443)
    network.altered = True
    equal(await connect(network, Client()), [["close"]])
    equal((listener.port, network.opened[0].done[-1], len(network.opened)), (None, "close", 1))
    task.cancel()


async def test_a_unit_without_updates_has_a_page():
    network = Network()
    listener, task = await begun(network)
    listener._updates = None
    equal(await connect(network, Client()), [[False, "served"]])
    task.cancel()


async def test_a_client_that_has_gone_before_it_was_accepted_ends_nothing():
    network = Network()
    listener, task = await begun(network)
    network.clients.append(OSError(103))
    equal(await connect(network, Client()), [[False, "served"]])
    equal(listener.port, 8443)
    task.cancel()


async def test_each_end_of_a_service_closes_the_connection_and_gives_its_place_back():
    network = Network()
    listener, task = await begun(network)
    for error in (EOFError(), asyncio.TimeoutError(), OSError(104), ValueError("TLS"), MemoryError()):
        equal(await connect(network, Client(error=error)), [[False, "served", "close"]])
        equal((listener.admission.inside, listener.port), (0, 8443), repr(error))
    task.cancel()


async def test_a_connection_beyond_the_places_is_closed_and_the_owner_gets_one():
    network = Network()
    listener, task = await begun(network)
    one, two, three = await connect(network, Client("10.0.0.1"), Client("10.0.0.3"), Client("10.0.0.4"))
    equal((one, two, three), ([False, "served"], [False, "served"], ["close"]))
    listener.admission.remember("10.0.0.5")
    listener.admission.remember("10.0.0.9", True)
    equal(await connect(network, Client("10.0.0.5"), Client("10.0.0.9")), [[False, "served"]] * 2)
    equal((one, two), ([False, "served", "close"], [False, "served"]))
    equal(listener.admission.inside, 3)
    task.cancel()


async def test_a_connection_that_may_not_hold_up_the_tick_is_closed():
    """While a contactor is closed, for whoever has not logged in."""
    network = Network()
    network.is_closed = True
    _, task = await begun(network)
    hold_ups.configure([network], 1500)
    equal(await connect(network, Client()), [["close"]])
    network.is_closed = False
    equal(await connect(network, Client()), [[False, "served"]])
    task.cancel()


async def test_without_memory_for_a_connection_it_is_closed_and_memory_freed_for_the_next():
    network = Network()
    network.fits = False
    _, task = await begun(network)
    equal(await connect(network, Client()), [["close"]])
    equal((network.freed, network.asked), (1, ["first"]))
    network.fits = True
    equal(await connect(network, Client(), Client("10.0.0.3")), [[False, "served"]] * 2)
    equal((network.freed, network.asked), (1, ["first", "first", "next"]))
    task.cancel()


def test_a_session_has_random_tokens_of_its_own_and_the_time_of_the_log_in():
    timebase.advance(5000)
    one, two = LoginSession("owner"), LoginSession("user")
    tokens = {one.token, one.csrf, two.token, two.csrf}
    true(len(tokens) == 4 and all(len(token) == 32 for token in tokens))
    equal((one.role, two.role, one.begun_ms, one.seen_ms), ("owner", "user", two.begun_ms, two.begun_ms))
    true(one.begun_ms >= 5000)
