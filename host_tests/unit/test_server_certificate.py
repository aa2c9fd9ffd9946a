"""The own checks of a server's certificate: dates by the unit's clock, no link without a time, its usage (WP-7, SEC-27)."""

from check import equal, raises, true

from charger import clock
from charger.credentials import server_certificate
from charger.crypto import der
from charger.errors import CryptoError, TlsError
from charger.net import tls
from sim import pins  # noqa: F401 - behind it charger.net: nested imports take C stack

BEGIN = 1790000000
END = BEGIN + 86400
_EMPTY = der.tlv(der.SEQUENCE)
_SERVER_AUTH, _CLIENT_AUTH = b"\x2b\x06\x01\x05\x05\x07\x03\x01", b"\x2b\x06\x01\x05\x05\x07\x03\x02"


def _time(seconds, tag):
    fields = clock.civil(seconds)[:6]
    text = "%04d%02d%02d%02d%02d%02dZ" % tuple(fields)
    return der.tlv(tag, (text[2:] if tag == 0x17 else text).encode())


def certificate(times=None, extensions=(), tag=0x17):
    """A certificate from BEGIN to END without a signature, which mbedtls has checked before."""
    parts = [der.tlv(0xA0, der.integer(2)), der.integer(7), _EMPTY, _EMPTY,
             times or der.tlv(der.SEQUENCE, _time(BEGIN, tag), _time(END, tag)), _EMPTY, _EMPTY]
    if extensions:
        made = [der.tlv(der.SEQUENCE, der.tlv(der.OID, one[0]), *one[2:], der.tlv(der.OCTET_STRING, one[1]))
                for one in extensions]
        parts.append(der.tlv(0xA3, der.tlv(der.SEQUENCE, *made)))
    return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, *parts), _EMPTY, _EMPTY)


def kind_of(encoded, now_s):
    """"ok", or the kind of the refusal."""
    try:
        server_certificate.check(encoded, now_s)
        return "ok"
    except CryptoError as error:
        return error.kind


def test_both_dates_are_inclusive_in_both_forms_of_a_time():
    for tag in (0x17, 0x18):
        encoded = certificate(tag=tag)
        found = [kind_of(encoded, now_s) for now_s in (BEGIN - 1, BEGIN, END, END + 1)]
        equal(found, [server_certificate.NOT_YET_VALID, "ok", "ok", server_certificate.EXPIRED])
        equal(server_certificate.validity(encoded), (BEGIN, END))


def test_a_date_of_the_last_century_and_one_that_is_none():
    old = der.tlv(der.SEQUENCE, der.tlv(0x17, b"700101000000Z"), der.tlv(0x17, b"991231235959Z"))
    equal(server_certificate.validity(certificate(old)), (0, 946684799))
    odd = der.tlv(der.SEQUENCE, der.tlv(0x17, b"26x101000000Z"), der.tlv(0x17, b"991231235959Z"))
    equal(kind_of(certificate(odd), BEGIN), server_certificate.MALFORMED)


def test_a_certificate_authority_constraints_and_other_usages_are_no_server():
    usages = [(b"\x55\x1d\x25", der.tlv(der.SEQUENCE, *[der.tlv(der.OID, oid) for oid in oids]))
              for oids in ((_SERVER_AUTH,), (_CLIENT_AUTH, _SERVER_AUTH), (b"\x55\x1d\x25\x00",), (_CLIENT_AUTH,))]
    equal([kind_of(certificate(extensions=(one,)), BEGIN) for one in usages], ["ok"] * 3 + [server_certificate.USAGE])
    for value, kind in ((b"\x30\x00", "ok"), (b"\x30\x03\x01\x01\xff", server_certificate.USAGE)):
        equal(kind_of(certificate(extensions=(usages[0], (b"\x55\x1d\x13", value))), BEGIN), kind)
    equal(kind_of(certificate(extensions=((b"\x55\x1d\x1e", b"\x30\x00"),)), BEGIN), server_certificate.USAGE)


def test_a_critical_extension_is_read_as_any_other_one():
    for value, kind in ((b"\x30\x00", "ok"), (b"\x30\x03\x01\x01\xff", server_certificate.USAGE)):
        equal(kind_of(certificate(extensions=((b"\x55\x1d\x13", value, b"\x01\x01\xff"),)), BEGIN), kind)


def test_f_s6_without_a_time_there_is_no_link_even_where_mbedtls_was_content():
    clock.forget_utc()
    equal(clock.tls_has_time, False, "a board")
    equal(raises(TlsError, tls._check_peer, certificate()).cause, "no-time")
    clock.tls_has_time = True
    tls._check_peer(certificate())
    clock.tls_has_time = False


def test_the_units_clock_decides_where_mbedtls_was_content():
    for now_s, cause in ((BEGIN - 1, "expired"), (END + 1, "expired")):
        true(clock.set_utc(now_s, "test"))
        equal(raises(TlsError, tls._check_peer, certificate()).cause, cause)
    clock.set_utc(BEGIN, "test")
    tls._check_peer(certificate())
    equal(raises(TlsError, tls._check_peer, certificate(extensions=((b"\x55\x1d\x1e", b"\x30\x00"),))).cause, "certificate")
