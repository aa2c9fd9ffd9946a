"""The owner's side of the portal for the tests: Debian's mosquitto with TLS and passwords, and his own MQTT client."""

import base64
import contextlib
import getpass
import hashlib
import json
import os
import socket
import struct
import threading

from backend import wait_until
from backend.simulator import free_port
from backend.waiting import WaitTimeout
from sim.front_ends import FrontEnd
from sim.tcp_server import TcpServer
from sim.tls_peers import key_of, receive_exactly, server_context

UNIT, OWNER = ("unit", "the unit's own"), ("owner", "the owner's own")
_CONFIGURATION = """
user {user}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
persistence false
listener {plain} 127.0.0.1
listener {port} 127.0.0.1
certfile {certificate}
keyfile {key}
"""
_RIGHTS = """
user unit
topic write home/+/status
topic write home/+/session
topic write home/+/log
topic write home/+/notice
topic write home/+/reply
topic read home/+/cmd
topic write homeassistant/#
user owner
topic read homeassistant/#
topic readwrite home/#
"""


def _hashed(name, password):
    """A line of mosquitto's password file."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{name}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


class Broker:
    """mosquitto on a port that stays the same; close() and open() are an outage."""

    def __init__(self, folder, certificate):
        self.folder = folder
        self.port = free_port()
        self.plain = free_port()  # of the owner's client: his TLS is not what is tested
        (folder / "passwords").write_text("".join(_hashed(*who) for who in (UNIT, OWNER)))
        (folder / "rights").write_text(_RIGHTS)
        for name in ("passwords", "rights"):
            (folder / name).chmod(0o600)
        (folder / "broker.conf").write_text(_CONFIGURATION.format(
            folder=folder, port=self.port, plain=self.plain, user=getpass.getuser(), certificate=certificate,
            key=key_of(certificate)))
        self.process = None

    def open(self):
        self.process = FrontEnd("mosquitto", ["-c", str(self.folder / "broker.conf")], self.folder, self.port).__enter__()

    def close(self):
        if self.process is not None:
            self.process.__exit__()
            self.process = None

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *_):
        self.close()


class SelectiveBroker(TcpServer):
    """A broker that acknowledges all but messages on a topic with this ending, and keeps those in `logged`."""

    def __init__(self, port, certificate, unacknowledged):
        self.logged = []
        self._unacknowledged = unacknowledged.encode()
        self._context = server_context(certificate)
        super().__init__(self._acknowledge, port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _acknowledge(self, connection):
        with contextlib.suppress(OSError, EOFError), self._context.wrap_socket(connection, server_side=True) as secured:
            while True:
                first, body = _packet(secured)
                if first >> 4 == 1:
                    secured.sendall(b"\x20\2\0\0")
                elif first >> 4 == 8:
                    secured.sendall(b"\x90\3" + body[:2] + b"\1")
                elif first >> 4 == 12:
                    secured.sendall(b"\xd0\0")
                elif first >> 4 == 3:
                    end = 2 + struct.unpack_from("!H", body)[0]
                    if body[2:end].endswith(self._unacknowledged):
                        self.logged.append(body[end + 2 :])
                    else:
                        secured.sendall(b"\x40\2" + body[end : end + 2])


class Owner:
    """A client that hears everything below home/ and writes it down as (topic without the unit, object, retained)."""

    def __init__(self, broker, serial, client="the owner"):
        """client: the name at the broker, which ends the connection of another one of the same name."""
        self._socket = socket.create_connection(("127.0.0.1", broker.plain), 10)
        self._socket.settimeout(None)
        self.base = f"home/{serial}/"
        self.heard = []
        self.discovered = {}  # topic of Home Assistant's discovery: its message
        self.session = ""
        self.number = 0
        self.last = ""  # id of the last command
        self._ids = 0
        name, password = OWNER
        body = b"\0\4MQTT\4\xc2\0\0" + _text(client) + _text(name) + _text(password)
        self._send(0x10, body)
        self._send(0x82, b"\0\1" + _text("home/#") + b"\1" + _text("homeassistant/#") + b"\1")
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, first, body):
        size, length = len(body), b""
        while True:
            length += bytes((size & 127 | (128 if size > 127 else 0),))
            size >>= 7
            if not size:
                break
        self._socket.sendall(bytes((first,)) + length + body)

    def _read(self):
        try:
            while True:
                first, body = _packet(self._socket)
                if first >> 4 != 3:
                    continue
                end = 2 + struct.unpack_from("!H", body)[0]
                topic = body[2:end].decode()
                if first & 6:
                    self._send(0x40, body[end : end + 2])
                    end += 2
                name = topic.removeprefix(self.base)
                if topic.startswith("homeassistant/"):
                    self.discovered[topic] = json.loads(body[end:] or "null")
                    if self.discovered[topic] is None:  # removed
                        del self.discovered[topic]
                elif name != topic and name != "cmd":  # what he says himself
                    self.heard.append((name, json.loads(body[end:]), bool(first & 1)))
        except (OSError, EOFError, ValueError):
            pass

    # --- what he hears ---

    def of(self, topic):
        """Objects on a topic, in order."""
        return [said for name, said, _ in self.heard if name == topic]

    def since(self, topic, mark):
        """The same, of what was heard from `mark` on, a length of `heard`."""
        return [said for name, said, _ in self.heard[mark:] if name == topic]

    def wait(self, topic, where=lambda said: True, timeout_s=60):
        """The first object on a topic that fits."""
        return wait_until(lambda: next((said for said in self.of(topic) if where(said)), None), timeout_s, topic,
                          state=lambda: self.heard[-5:])

    # --- what he says ---

    def publish(self, topic, data, retain=False):
        """Any bytes, at QoS 0: mosquitto hands it on at once."""
        self._send(0x31 if retain else 0x30, _text(self.base + topic) + data)

    def send_command(self, **fields):
        """A command, without an answer; its id."""
        self._ids += 1
        self.last = str(self._ids)
        self.publish("cmd", json.dumps({"id": self.last, **fields}).encode())
        return self.last

    def reply_to(self, number, timeout_s=60):
        """The answer to a command, None when there is none."""
        with contextlib.suppress(WaitTimeout):
            return self.wait("reply", lambda said: said["id"] == number, timeout_s)

    def command(self, **fields):
        """A command and its answer."""
        number = self.send_command(**fields)
        return self.wait("reply", lambda said: said["id"] == number)

    def log_in(self, role, pin):
        """Challenge and PIN; the answer."""
        challenge = self.command(do="hello")["challenge"]
        answer = self.command(do="login", challenge=challenge, role=role, pin=pin)
        self.session = answer.get("session", "")
        self.number = 0
        return answer

    def do(self, what, **inner):
        """A command of somebody who is logged in, and its answer."""
        self.number += 1
        return self.command(do=what, session=self.session, n=self.number, **({"with": inner} if inner else {}))


def _packet(source):
    """(first byte, body) of the next packet."""
    first = receive_exactly(source, 1)[0]
    size = shift = 0
    while True:
        byte = receive_exactly(source, 1)[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return first, receive_exactly(source, size)


def _text(text):
    data = text.encode()
    return struct.pack("!H", len(data)) + data
