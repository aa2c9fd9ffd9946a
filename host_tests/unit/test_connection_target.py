"""Target of a link: URL, profile, certificate; and each way in which no connection comes about."""

import asyncio

from check import equal, raises, true
from connection_rig import Settings, World
from ocpp_rig import Rig
from peer import pair, until
from thing import Thing

from charger.commands import CONFLICT, owner_settings
from charger.errors import (
    CommandError,
    ConfigurationError,
    ConnectError,
    LinkFailedError,
    PlainTextError,
    TlsError,
)
from charger.ocpp.transport.connection_settings import ConnectionSettings
from charger.ocpp.transport.websocket_connect import ConnectionTarget, dial, encode, split_url
from sim import timebase


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


def test_the_identity_in_the_url_ocpp1():
    for identity, wanted in (
        ("RDAM|123", "RDAM%7C123"), ("RDAM 123", "RDAM%20123"), ("A-Z.0_9~", "A-Z.0_9~"), ("a/b?c#d%e", "a%2Fb%3Fc%23d%25e"),
        ("Ä€", "%C3%84%E2%82%AC"),
        ("a:b@c", "a%3Ab%40c"), ("\r\n", "%0D%0A"),
    ):  # fmt: skip
        equal(encode(identity), wanted)


def test_urls():
    for url, wanted in (
        ("ws://host", ("host", None, "")), ("wss://host/", ("host", None, "")), ("WS://h:9000/ocpp/", ("h", 9000, "/ocpp")),
        ("ws://h/a/b//", ("h", None, "/a/b")), ("ws://[::1]:80/x", ("::1", 80, "/x")), ("ws://[fe80::1]", ("fe80::1", None, "")),
    ):  # fmt: skip
        equal(split_url(url), wanted)
    for bad in (
        "", "host", "http://h/", "ws:/h", "ws:///path", "ws://h:0/", "ws://h:99999", "ws://h:x/", "ws://u@h/", "ws://h/?q",
        "ws://h/#f",
    ):  # fmt: skip
        raises(ConfigurationError, split_url, bad)


def test_ports_scheme_and_login_follow_the_profile_not_the_url():
    key = b"\x00" * 20
    for url in ("ws://h/o", "wss://h/o"):
        for profile, port, secure, login in (
            (0, 80, False, None), (1, 80, False, ("CP", key)), (2, 443, True, ("CP", key)), (3, 443, True, None),
        ):  # fmt: skip
            target = ConnectionTarget(Settings(
                url=url, identity="CP", security_profile=profile, basic_key=key, client_cert=b"c", client_key=b"k"), lab=True)
            equal((target.port, target.secure, target.login, target.header), (port, secure, login, "h"))
            equal(target.path, "/o/CP")
    equal(ConnectionTarget(Settings(url="ws://h:443"), True).header, "h:443")
    equal(ConnectionTarget(Settings(url="ws://[::1]:99")).header, "[::1]:99")


def test_unusable_settings_are_refused_before_any_packet():
    for changes in (
        {"url": None}, {"url": ""}, {"identity": ""}, {"security_profile": 1}, {"security_profile": 2}, {"security_profile": 3},
        {"security_profile": 1, "basic_key": b"x" * 16, "identity": "a:b"},  # OCPP-5
        {"security_profile": 3, "client_cert": b"x"},
    ):  # fmt: skip
        raises(ConfigurationError, ConnectionTarget, Settings(**changes), True)
    ConnectionTarget(Settings(identity="a:b"), True)


def test_without_encryption_only_to_the_unit_itself_or_in_the_laboratory_sec12():
    key = {"basic_key": b"k" * 16, "client_cert": b"c", "client_key": b"k"}
    for host in (
        "csms.example", "10.0.0.1", "192.168.1.2", "0.0.0.0", "127.0.0.1.example", "localhost.example", "127.1", "2130706433",
        "0177.0.0.1", "[::]", "[::2]", "[fe80::1]", "[::ffff:127.0.0.1]", "126.255.255.255", "128.0.0.1",
    ):  # fmt: skip
        for profile in (0, 1):
            for scheme in ("ws", "wss"):
                settings = Settings(url="%s://%s/o" % (scheme, host), identity="CP", security_profile=profile, **key)
                raises(PlainTextError, ConnectionTarget, settings)
                ConnectionTarget(settings, True)
        for profile in (2, 3):
            ConnectionTarget(Settings(url="ws://%s/o" % host, identity="CP", security_profile=profile, **key))
    for host in ("127.0.0.1", "127.255.0.9", "localhost", "LOCALHOST", "[::1]", "[0:0::1]"):
        ConnectionTarget(Settings(url="ws://%s:80/o" % host, identity="CP"))


def test_without_encryption_inside_the_home_where_the_owner_allows_it_sec12():
    key = {"basic_key": b"k" * 16, "client_cert": b"c", "client_key": b"k"}
    home = ("10.0.0.1", "172.16.0.2", "172.31.9.9", "192.168.1.2")
    for host in home:
        target = ConnectionTarget(Settings(url="ws://%s:8887/o" % host, identity="CP", plain=True, **key))
        equal((target.secure, target.login, target.port), (False, None, 8887), host)  # no password in the clear
        for changes in ({"security_profile": 1, "plain": True}, {}):
            raises(PlainTextError, ConnectionTarget, Settings(url="ws://%s/o" % host, identity="CP", **changes, **key))
    for host in (
        "csms.example", "evcc.local", "8.8.8.8", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "169.254.1.1",
        "100.64.0.1", "0.0.0.0", "224.0.0.1", "10.0.0.1.example", "010.0.0.1", "10.1", "192.168.1", "[fe80::1]", "[fd00::1]",
        "[::ffff:10.0.0.1]",
    ):  # fmt: skip
        raises(PlainTextError, ConnectionTarget, Settings(url="ws://%s/o" % host, identity="CP", plain=True))


def test_the_owners_leave_never_holds_in_great_britain_sec12():
    class Config:
        country = "GB"
        allowed = True

        def use_link_checks(self, *_):
            pass

        def get_bool(self, name):
            return {"PlainLinkAtHome": self.allowed}[name]

        def get_str(self, name):
            return {"Country": self.country}[name]

        def get_int(self, name):
            return {"SecurityProfile": 3}[name]

    config = Config()
    settings = ConnectionSettings(config, {"url": "ws://192.168.1.2:8887"})
    equal((settings.plain, settings.security_profile), (False, 3))
    config.country = "DE"
    equal((settings.plain, settings.security_profile), (True, 0), "also behind a higher one for another back end")
    equal(ConnectionSettings(config, {"url": "wss://192.168.1.2"}).security_profile, 3)
    config.allowed = False
    equal((settings.plain, settings.security_profile), (False, 3))


async def _written(country, value):
    """The value that an owner's PlainLinkAtHome stores in a country, or the kind and the text of the refusal."""
    stored = []
    config = Thing(get_str=lambda _name: country, get_bool=lambda _name: False, typed=lambda _name: False,
                   normalise=lambda _name, text: text, put=lambda name, text: stored.append((name, text)))  # fmt: skip
    app = Thing(config=config, wifi=None, security_log=Thing(add=lambda *_: None))
    try:
        await owner_settings._write_settings(app, "owner", {"PlainLinkAtHome": value}, "page")
    except CommandError as error:
        equal(stored, [])
        return error.kind, str(error)
    return stored


async def test_the_owner_is_told_that_a_plain_link_is_not_for_great_britain_sec12():
    """A conflict, 409 of the API, before anything is stored; taking it back is possible."""
    equal(await _written("GB", True), (CONFLICT, "PlainLinkAtHome: not in Great Britain."))
    equal(await _written("GB", False), [("PlainLinkAtHome", "false")])
    equal(await _written("DE", True), [("PlainLinkAtHome", "true")])


async def test_a_setting_that_is_stored_is_logged_though_its_request_ends_there_sec22():
    stored, logged = [], []
    config = Thing(get_bool=lambda _name: False, typed=lambda _name: False, normalise=lambda _name, text: text,
                   put=lambda name, text: stored.append((name, text)))  # fmt: skip
    app = Thing(config=config, wifi=None, security_log=Thing(add=lambda event, info: logged.append(info)))
    task = asyncio.create_task(owner_settings._write_settings(app, "owner", {"StateWithoutPin": True}, "page"))
    while not stored:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    equal(logged, ["StateWithoutPin, by owner, page"])


async def test_the_other_end_of_a_plain_link_changes_no_credentials_and_no_certificates_sec12():
    rig = await Rig().online()
    rig.cp.store = Thing()  # untouched
    rig.cp.settings = Thing(plain=True)

    async def status(action, **fields):
        return (await rig.call(action, **fields))["status"]

    changed = []
    rig.cp.config.change = lambda key, value: changed.append(key) or "Accepted"
    for key in ("AuthorizationKey", "SecurityProfile", "authorizationkey", "SECURITYPROFILE"):
        equal(await status("ChangeConfiguration", key=key, value="1"), "Rejected", key)
    equal(changed, [])
    equal(await status("InstallCertificate", certificateType="CentralSystemRootCertificate", certificate="x"), "Rejected")
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "1"}
    equal(await status("DeleteCertificate", certificateHashData=hashes), "Failed")
    equal(await status("ChangeConfiguration", key="HeartbeatInterval", value="60"), "Accepted")


async def test_refused_plain_link_sends_nothing_reports_why_and_recovers_sec12():
    world = World(lab=False)
    await until(lambda: len(world.faults) == 3, 1 << 28, 100)
    equal((world.faults, world.opened), (["plain"] * 3, []))
    equal(world.link.fault, "plain: security profile 0 is not encrypted: the owner has not allowed that")
    world.settings.security_profile = 2
    world.settings.basic_key = b"k" * 16
    world.settings.ca = None
    await world.connected()
    equal((world.link.fault, world.opened[0][1:]), (None, ("csms.example", 443, True)))
    world.end()


async def _failed(error=None, answer=b"", late=None, **changes):
    """The cause that dial() gives for a connect that raises `error`, for a server with this answer, or for a request that raises
    `late`; and whether the stream was closed."""
    closed = []

    def fails(_data):
        raise late

    async def open_stream(host, port, context, deadline_ms):
        if error is not None:
            raise error
        near, far = pair()
        close = near.s.close

        def noted():
            closed.append(True)
            close()

        near.s.close = noted
        if late is not None:
            near.s.write = fails
        far.s.write(answer)
        if not answer:
            far.s.close()
        return near, near

    try:
        await dial(Settings(basic_key=b"k" * 16, **changes), True, open_stream)
    except LinkFailedError as failure:
        return failure.cause, closed
    raise AssertionError("a link")


async def test_each_way_to_fail_has_its_cause_and_leaves_nothing_open_wp1():
    equal((await _failed(OSError(113)))[0], "reset")
    equal((await _failed(MemoryError()))[0], "memory")
    equal((await _failed(ConnectError("dns", "x")))[0], "dns")
    equal((await _failed(TlsError("own-cert", "x"), security_profile=2))[0], "protocol")
    equal((await _failed(TlsError("own-cert", "x"), security_profile=3, client_cert=b"c", client_key=b"k"))[0], "own-cert")
    for answer, cause in ((b"HTTP/1.1 401 No\r\n\r\n", "auth"), (b"HTTP/1.1 404 No\r\n\r\n", "unknown"),
                          (b"HTTP/1.1 503 No\r\n\r\n", "http"), (b"x\r\n\r\n", "protocol")):  # fmt: skip
        equal(await _failed(answer=answer), (cause, [True]), answer)


async def test_a_link_that_ends_with_the_request_is_closed_and_with_tls_has_the_cause_of_tls_wp1():
    equal(await _failed(late=OSError(104)), ("reset", [True]))
    refused = OSError(-0x7780, "a fatal alert message was received from our peer")  # by a server of TLS 1.3
    equal(await _failed(late=refused), ("reset", [True]))
    cause, closed = await _failed(late=refused, security_profile=3, client_cert=b"c", client_key=b"k")
    true(cause != "reset" and closed == [True], cause)


def test_the_third_profile_alone_shows_a_certificate_wp1():
    keys = {"basic_key": b"k" * 16, "ca": b"r", "client_cert": b"c", "client_key": b"k"}
    for profile, certificate in ((2, None), (3, b"c")):
        settings = Settings(security_profile=profile, **keys)
        equal(ConnectionTarget(settings, True).context(settings)._client_cert, certificate)
