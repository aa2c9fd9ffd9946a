"""Memory of TLS on the ESP32: --tls-heap ends in the errors of mbedTLS, and close() gives the memory back."""

import sys

from check import equal, raises

from sim import launch, tls_costs

_KIB = 1024


class Unfinished:
    """A built-in connection whose handshake goes on: nothing can be read or written yet."""

    def read(self, *args):
        return None

    write = readinto = read

    def close(self):
        pass


def setup():
    launch.config["tls_heap"] = 60 * _KIB
    tls_costs.used = tls_costs.peak = 0


def teardown():
    launch.config["tls_heap"] = None
    tls_costs.used = tls_costs.peak = 0
    sys.modules.pop("tls", None)


def opened():
    tls_costs._take(tls_costs.CONNECTION_BYTES, 12)
    return tls_costs._Stream(Unfinished())


def error_of(call, *args):
    try:
        call(*args)
    except OSError as error:
        return error.errno
    return None


def test_connection_and_handshake_take_their_memory_and_give_it_back():
    first = opened()
    equal(tls_costs.left(), 40 * _KIB)
    first.write(b"x")
    equal(tls_costs.left(), 25 * _KIB)
    first.write(b"x")
    equal(tls_costs.left(), 25 * _KIB)
    first.close()
    equal((tls_costs.left(), tls_costs.peak), (60 * _KIB, 35 * _KIB))
    first.close()
    equal(tls_costs.left(), 60 * _KIB)


def test_a_third_connection_that_finds_no_room_raises_enomem():
    opened()
    opened()
    launch.config["tls_heap"] = 59 * _KIB
    equal(error_of(opened), 12)
    equal(tls_costs.left(), 19 * _KIB)


def test_memory_that_ends_inside_the_handshake_raises_what_mbedtls_raises():
    seen = []
    for kib in (2, 6, 10, 14, 15):
        tls_costs.used = 0
        launch.config["tls_heap"] = tls_costs.CONNECTION_BYTES + kib * _KIB
        stream = opened()
        seen.append(error_of(stream.write, b"x"))
        stream.close()
        equal(tls_costs.used, 0)
    equal(seen, [-0x2880, -0x4D80, -0x3F80, 16, None])


def test_without_a_limit_nothing_is_refused():
    launch.config["tls_heap"] = None
    for _ in range(50):
        opened().write(b"x")
    equal(tls_costs.left(), None)


def test_heap_report_shows_what_tls_leaves():
    import esp32

    opened()
    equal(esp32.idf_heap_info(esp32.HEAP_DATA), [(60 * _KIB, 40 * _KIB, 40 * _KIB, 40 * _KIB)])


def test_the_module_stands_for_the_built_in_one():
    tls_costs.install()
    import tls

    equal(tls.SSLContext is tls_costs.SSLContext, True)
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    equal(context.verify_mode, tls.CERT_REQUIRED)
    context.set_ciphers(context.get_ciphers()[:2])
    raises(ValueError, context.load_verify_locations, b"no certificate")
