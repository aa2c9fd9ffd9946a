"""Free memory: measured here alone, with the need of each optional service, and the order in which services give way.

There are two kinds. Python's objects are in MicroPython's heap. Sockets and mbedTLS allocate outside of it: about 20 KiB
a TLS connection and 15 KiB more at the peak of its handshake. Where the heap may grow, gc.mem_free() counts the largest
block outside as free although mbedTLS needs it: it is taken off here.
"""

import gc
import sys

from micropython import const

_TLS_BYTES = const(36864)  # outside the heap, in one block, for one handshake
_MIN_THRESHOLD = const(4096)
_AMPLE = const(98304)  # bytes: free on a board with PSRAM, never in a heap of 128 KiB
_MAX_FAILURES = const(3)

# bytes of heap that must be free
FIRST_CLIENT = const(13000)  # includes the import of the local API's modules
NEXT_CLIENT = const(7000)
MQTT_BESIDE_LINK = const(15000)  # the syslog client takes less, and asks for as much
MQTT_BEFORE_LINK = const(24000)  # while the link to the back end, which has priority, is not made
LARGE_MESSAGE = const(6144)  # after a message was parsed: for handling and answering it

# Modules that are needed rarely and briefly: by the start, an update, the making of a connection, a batch of the security log, a
# change of certificates. What is needed each day stays. Unloading them gives back so many bytes of the heap (frozen, 32 bit);
# they are imported again when they are needed. Nothing else in the firmware is unloaded.
START = (  # 3,600
    "charger.wiring",
    "charger.network_wiring",
    "charger.audit.trip_latch",
    "charger.drivers.buses",
    "charger.drivers.keystore",
    "charger.drivers.meters.buses",
    "charger.drivers.meters.calibration",
    "charger.drivers.reset_cause",
)
UPDATING = (  # 2,900
    "charger.update.updater",
    "charger.update.manifest",
    "charger.update.integrity",
    "charger.update.checked_slots",
    "charger.drivers.app_partitions",
)
CONNECTING = (  # 5,100
    "charger.audit.connection_events",
    "charger.ocpp.transport.websocket_connect",
    "charger.net.websocket_handshake",
    "charger.net.tls",
    "charger.net.dns",
    "charger.credentials.server_certificate",
    "charger.crypto.der",
    "charger.net.ip_address",
)
SENDING = ("charger.syslog_client.sender", "charger.syslog_client.message")  # 2,000: for a batch of the security log
CERTIFICATES = (  # 5,500: for certificates that change
    "charger.credentials.root_store",
    "charger.credentials.server_certificate",
    "charger.crypto.csr",
    "charger.crypto.der",
    "charger.crypto.ec",
    "charger.crypto.keys",
    "charger.crypto.path_validation",
    "charger.crypto.pem",
    "charger.crypto.rsa",
    "charger.crypto.sha2",
    "charger.crypto.x509",
)

_heap_grows = False
_outside = None


def configure(heap_grows: bool, outside: Any | None = None) -> None:
    """Take over the board's facts.

    `heap_grows`: the heap grows beyond its first size. `outside()` gives the largest free block outside the heap.
    """
    global _heap_grows, _outside
    _heap_grows = heap_grows
    _outside = outside


def limit_garbage() -> None:
    """Collect often during the start-up, so that the objects that stay lie next to each other in the heap. Call it first.

    With the port's own setting the first collection comes when the heap is full for the first time; the objects made until then
    would leave no free piece of 3 KiB in 128 KiB.
    """
    gc.threshold(_MIN_THRESHOLD)


def choose_threshold() -> None:
    """After the start: between two collections at most an eighth of the free heap fills with garbage, of a large one a quarter.

    Garbage that lies about leaves no room in one piece: with an eighth of the whole heap a message of 7 KiB did not fit
    into 128 KiB any more. A collection takes an ESP32 about 10 ms with 100 KiB in use; where much is free they are rare.
    """
    gc.collect()
    free = heap_free()
    gc.threshold(max(_MIN_THRESHOLD, free // (4 if free > _AMPLE else 8)))


def outside_free() -> int | None:
    """The largest free block outside the heap, None while that is not known."""
    return None if _outside is None else _outside()


def heap_free() -> int:
    """Free bytes of the heap as large as it is."""
    outside = outside_free() if _heap_grows else None
    return gc.mem_free() - (outside or 0)


def heap_grows() -> bool:
    """True on a board without PSRAM, whose heap grows into what sockets and TLS need."""
    return _heap_grows


def fits(heap_bytes: int) -> bool:
    """True when so much heap is free, after a collection where it has to be."""
    free = heap_free()  # looks at each block of the heap
    if free < heap_bytes:
        gc.collect()
        free = heap_free()
    return free >= heap_bytes


def fits_tls(heap_bytes: int) -> bool:
    """True when there is memory for a TLS connection whose service takes so much heap."""
    outside = outside_free()
    return (outside is None or outside >= _TLS_BYTES) and fits(heap_bytes)


def unload(modules: tuple) -> None:
    """Unload modules. Existing references stay valid; the next import loads a new copy. The next collection frees them."""
    for name in modules:
        package, _, last = name.rpartition(".")
        if sys.modules.pop(name, None) is not None and hasattr(sys.modules.get(package), last):
            delattr(sys.modules[package], last)


class Reclaimer:
    """Frees memory for the link to the back end: optional services disconnect, in the order in which they were added."""

    def __init__(self, restart: Callable):
        """`restart(why)` restarts the unit when attempt after attempt fails for want of memory."""
        self._restart = restart
        self._services = []
        self._failures = 0

    def add(self, service: Any) -> None:
        """`service.free_memory()` gives up its connection for some time."""
        self._services.append(service)

    def free(self) -> None:
        """Let the optional services disconnect."""
        for service in self._services:
            service.free_memory()
        gc.collect()

    def link_opened(self) -> None:
        """The link was made: memory suffices."""
        self._failures = 0

    def link_failed(self, charging: bool) -> None:
        """An attempt to make the link found no memory; three in a row restart a unit that does not charge."""
        self._failures += 1
        self.free()
        if self._failures >= _MAX_FAILURES and not charging:
            self._restart("want of memory")
