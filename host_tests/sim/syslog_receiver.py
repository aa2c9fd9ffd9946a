"""Receivers of syslog over TLS for the tests: Debian's rsyslog, and Python's ssl with a strict parser of RFC 5424 and 5425."""

import contextlib
import re
import ssl

from backend.simulator import ROOT, free_port
from sim.front_ends import FrontEnd
from sim.tcp_server import TcpServer
from sim.tls_peers import key_of, receive_exactly, server_context

MODULES = ROOT / ".toolchain" / "rsyslog" / "usr" / "lib" / "x86_64-linux-gnu" / "rsyslog"
_CONFIGURATION = r"""
global(workDirectory="{folder}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{root}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="fields" type="string"
  string="%pri%\t%timereported:::date-rfc3339%\t%hostname%\t%app-name%\t%procid%\t%msgid%\t%structured-data%\t%msg%\n")
action(type="omfile" file="{folder}/received" template="fields")
"""
# RFC 5424, 6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]
_MESSAGE = re.compile(
    rb"<(?P<pri>[1-9][0-9]{0,2})>1 (?P<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) (?P<host>[!-~]{1,255}) "
    rb"(?P<app>[!-~]{1,48}) (?P<procid>[!-~]{1,128}) (?P<msgid>[!-~]{1,32}) "
    rb"(?P<data>(?:\[[!#-<>-\\^-~]{1,64}(?: [!#-<>-\\^-~]{1,32}=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*\])+) (?P<text>.*)", re.DOTALL)


def seq_of(data):
    """The entry's number in the structured data."""
    return int(re.search(r'\[entry@32473 seq="(\d+)" ', data)[1])


class Rsyslog:
    """rsyslog on a port that stays the same; open() and close() are an outage. rows() are the fields of what it received."""

    def __init__(self, folder, certificate, root):
        self.folder = folder
        self.port = free_port()
        self.process = None
        (folder / "rsyslog.conf").write_text(_CONFIGURATION.format(
            folder=folder, port=self.port, root=root, certificate=certificate, key=key_of(certificate)))

    def open(self):
        words = ["-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid"), "-M", str(MODULES)]
        self.process = FrontEnd("rsyslogd", words, self.folder, self.port).__enter__()

    def close(self):
        if self.process is not None:
            self.process.__exit__()
            self.process = None

    def rows(self):
        """(priority, time, host, application, start-up, event, structured data, text) of each message of a charger."""
        path = self.folder / "received"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []  # the last may be half written
        return [row for row in (line.split("\t") for line in lines) if row[3] == "Pilotlight"]

    def numbers(self):
        """The entries' numbers, as they came."""
        return [seq_of(row[6]) for row in self.rows()]


class Receiver(TcpServer):
    """Python's TLS. `most` messages a connection are taken, then it is cut; `say` is sent first; nothing is read while `stalled`.

    `messages` has the fields of each whole message, `faults` what was none, `connections` how many came as far as TLS.
    """

    def __init__(self, certificate, version=None, port=0):
        self.messages, self.faults = [], []
        self.connections = 0
        self.most = None
        self.say = b""
        self.stalled = None  # an event that ends the stall
        if version:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.set_ciphers("ALL:@SECLEVEL=0")
            self._context.load_cert_chain(certificate, key_of(certificate))
            self._context.minimum_version = self._context.maximum_version = version
        else:
            self._context = server_context(certificate)
        super().__init__(self._take, port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def numbers(self):
        return [seq_of(message["data"].decode()) for message in self.messages]

    def _take(self, connection):
        with contextlib.suppress(OSError, EOFError), self._context.wrap_socket(connection, server_side=True) as secured:
            self.connections += 1
            secured.sendall(self.say)
            if self.stalled is not None:
                self.stalled.wait(120)
            taken = 0
            while taken != self.most:
                count = b""
                while not count.endswith(b" "):
                    count += receive_exactly(secured, 1)
                if not re.fullmatch(rb"[1-9][0-9]{0,3} ", count):  # RFC 5425, 4.3.1
                    self.faults.append(count)
                    return
                body = receive_exactly(secured, int(count))
                found = _MESSAGE.fullmatch(body)
                if found is None:
                    self.faults.append(body)
                else:
                    self.messages.append(found.groupdict())
                taken += 1
