"""The FTP client against servers that do not keep to RFC 959. Good ones: sim/test_diagnostics.py. In manual time."""

import asyncio

from check import equal, raises_async, true
from peer import pair

from charger import clock
from charger.errors import FtpError, HttpError
from charger.net import ftp
from sim import timebase

GOOD = (b"220 Hi", b"331 Password", b"230 In", b"200 Binary", b"250 There", b"229 Passive (|||4242|)", b"150 Go", b"226 Stored")


def setup():
    timebase.manual()


def teardown():
    timebase.set_scale(1)


class Server:
    """Gives its replies in order, each after a command but the first; None: silence from then on."""

    def __init__(self, replies, data_ends=False):
        self.replies = list(replies)
        self.commands = []
        self.opened = []
        self.ends = []
        self.data_ends = data_ends
        self.data = None

    async def open_stream(self, host, port, context, deadline_ms):
        near, far = pair()
        self.opened.append((host, port))
        self.ends.append(near)
        if len(self.ends) == 1:
            self.task = asyncio.create_task(self._serve(far))
        else:
            self.data = far
            if self.data_ends:
                far.s.close()
        return near, near

    async def _serve(self, end):
        piece = bytearray(1)
        while self.replies and self.replies[0] is not None:
            reply = self.replies.pop(0)
            end.s.write(reply + b"\r\n")
            if reply.startswith(b"150") and self.data is not None:
                while not self.data.inn.ended:
                    await clock.sleep_ms(1)
                continue  # the next reply says how the transfer went
            line = b""
            while not line.endswith(b"\n"):
                if await end.readinto(piece) == 0:
                    return
                line += piece
            self.commands.append(line)
        if not self.replies:
            end.s.close()


def upload(server, url="ftp://u:p@h/in/", pieces=(b"abc",)):
    return ftp.upload(url, "n.txt", pieces, 5000, server.open_stream)


def changed(**replies):
    """GOOD with some replies changed: r3=b"..." is the fourth one."""
    return [replies.get("r%d" % n, reply) for n, reply in enumerate(GOOD)]


def old(passive):
    """The replies of a server that knows no EPSV."""
    replies = list(GOOD)
    replies[5] = passive
    replies.insert(5, b"500 What")
    return replies


async def test_upload_to_a_regular_server_sends_the_right_commands():
    server = Server(GOOD)
    await upload(server)
    words = b"".join(server.commands).split(b"\r\n")
    equal(words[:6], [b"USER u", b"PASS p", b"TYPE I", b"CWD in", b"EPSV", b"STOR n.txt"])
    equal(server.opened, [("h", 21), ("h", 4242)])
    equal(bytes(server.data.inn.data), b"abc")
    equal([end.s.closed for end in server.ends], [1, 1])


async def test_hostile_replies_end_the_upload_and_leave_nothing_open():
    for number in range(len(GOOD)):
        for reply in (b"", b"99 x", b"abc", b"600 x", b"550 No", b"220-" + b"x\r\n" * 100, b"x" * 3000, b"\xff\xfe", None):
            server = Server(changed(**{"r%d" % number: reply}))
            if number == 4 and reply == b"550 No":
                continue  # a folder in the location that is not there: the test below
            error = await raises_async(FtpError, upload(server))
            true(isinstance(error.code, int))
            equal([end.s.closed for end in server.ends], [1] * len(server.ends), "%d %s" % (number, reply))


async def test_folders_that_are_not_there():
    error = await raises_async(FtpError, upload(Server(changed(r4=b"550 No"))))
    equal(error.code, 550)
    server = Server(changed(r4=b"550 No"))
    await upload(server, "ftp://u:p@h/file")
    true(b"STOR file\r\n" in server.commands)


async def test_passive_mode_leads_to_the_same_host_and_a_real_port_only():
    for reply in (
        b"229 x", b"229 (|||0|)", b"229 (|||70000|)", b"229 (|||-1|)", b"229 (|||x|)", b"229 (|1|1.2.3.4|80|)",
        b"227 (1,2,3,4,1,1)",
    ):  # fmt: skip
        server = Server(changed(r5=reply))
        await raises_async(FtpError, upload(server))
        equal(len(server.opened), 1, reply)
    for reply in (b"227 x", b"227 (1,2,3,4,0,0)", b"227 (1,2,3,4,256,1)", b"227 (1,2,3,4,5)", b"227 (a,b,c,d,e,f)"):
        server = Server(old(reply))
        await raises_async(FtpError, upload(server))
        equal(len(server.opened), 1, reply)
    server = Server(old(b"227 ok (10,9,8,7,4,1)"))
    await upload(server)
    equal(server.opened, [("h", 21), ("h", 1025)])


async def test_a_data_connection_that_breaks():
    server = Server(GOOD, data_ends=True)
    await raises_async((FtpError, HttpError), upload(server, pieces=(b"x" * 5000,)))
    equal([end.s.closed for end in server.ends], [1, 1])


async def test_a_silent_server_is_abandoned():
    server = Server([None])
    started = clock.ticks_ms()
    await raises_async(FtpError, upload(server))
    true(5000 <= clock.elapsed_ms(started) < 5200)


async def test_no_command_is_smuggled_in():
    for url in ("ftp://u%0d%0aDELE:p@h/in/", "ftp://u:p%0aDELE@h/in/", "ftp://u:p@h/in%0d%0aDELE%20x/", "ftp://u:p@h/%00/"):
        server = Server(GOOD)
        await raises_async(ValueError, upload(server, url))
        true(not any(b"DELE" in line for line in server.commands), url)
