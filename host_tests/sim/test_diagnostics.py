"""Diagnostics from a whole charger to real servers: HTTPS with OpenSSL, and FTP for a laboratory unit (OCPP-117, 118)."""

import base64
import contextlib
import datetime
import functools
import http.server
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.waiting import wait_until
from sim.tcp_server import TcpServer

from .sessions import end_session, start_session
from .test_board_time import at_pace, never_late

DAY = datetime.timedelta(days=1)
KEY = "SECRETKEY0123456"


def certificate_for(folder, host="127.0.0.1"):
    """A certificate for one host under a root of its own; the paths of certificate, key and root."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Root of {host}")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)

    def sign(subject, public, is_authority):
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(root).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(is_authority, None), True)
            .add_extension(x509.SubjectAlternativeName([alternative]), False).sign(root_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )  # fmt: skip

    pem, secret, authority = (folder / f"{host}.{kind}" for kind in ("pem", "key", "root"))
    pem.write_bytes(sign(name, key.public_key(), False))
    authority.write_bytes(sign(root, root_key.public_key(), True))
    secret.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, secret, authority


class FileServer:
    """An HTTP(S) server that notes each upload as (method, path, headers, body); `statuses` are its next answers."""

    def __init__(self, pem=None, key=None):
        self.uploads = []
        self.statuses = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.uploads.append((self.command, self.path, dict(self.headers), body))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST = _take  # noqa: N815 - http.server wants these names

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that does not believe us hangs up
        self.port = self.server.server_port
        self.scheme = "http"
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path, login=""):
        return f"{self.scheme}://{login}127.0.0.1:{self.port}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FtpServer(TcpServer):
    """As much of RFC 959 as up- and downloads need: one user, passive mode, folders that exist, files in memory.

    `cuts` are bytes after which the data of each next RETR end, None for not at all.
    """

    def __init__(self, user, password, folders=("in",), extended=True):
        self.login = user, password
        self.folders = folders
        self.extended = extended
        self.files = {}
        self.cuts = []
        self.commands = []
        super().__init__(self._talk)

    def _talk(self, control):
        with contextlib.suppress(OSError), control, control.makefile("rwb", buffering=0) as lines:
            lines.write(b"220-Welcome\r\n230 is not the end\r\n220 Ready\r\n")
            state = {"folder": "", "user": None, "in": False, "data": None}
            for line in lines:
                word, _, argument = line.decode().strip().partition(" ")
                self.commands.append(word)
                answer = self._command(word, argument, state, lines)
                if answer:
                    lines.write(answer.encode() + b"\r\n")
                if word == "QUIT":
                    return

    def _command(self, word, argument, state, lines):
        if word == "USER":
            state["user"] = argument
            return "331 Password"
        if word == "PASS":
            state["in"] = (state["user"], argument) == self.login
            return "230 Welcome" if state["in"] else "530 No"
        if not state["in"]:
            return "530 Log in first"
        if word in ("SIZE", "REST", "RETR"):
            return self._download(word, argument, state, lines)
        if word == "CWD":
            if argument not in self.folders:
                return "550 No such folder"
            state["folder"] = argument + "/"
            return "250 There"
        if word in ("EPSV", "PASV"):
            if word == "EPSV" and not self.extended:
                return "500 What?"
            state["data"] = socket.create_server(("127.0.0.1", 0))
            port = state["data"].getsockname()[1]
            if word == "EPSV":
                return f"229 Passive (|||{port}|)"
            return f"227 Passive (10,9,8,7,{port // 256},{port % 256})"  # another host: not to be believed
        if word == "STOR":
            lines.write(b"150 Go on\r\n")
            data, _ = state["data"].accept()
            with data, data.makefile("rb") as content:
                self.files[state["folder"] + argument] = content.read()
            state["data"].close()
            return "226 Stored"
        return {"TYPE": "200 Binary", "QUIT": "221 Bye"}.get(word, "502 What?")


    def _download(self, word, argument, state, lines):
        if word == "REST":
            state["from"] = int(argument)
            return "350 From there"
        if argument not in self.files:
            return "550 No such file"
        if word == "SIZE":
            return f"213 {len(self.files[argument])}"
        return self._give(self.files[argument][state.pop("from", 0) :], state["data"], lines)

    def _give(self, content, listener, lines):
        lines.write(b"150 Here it comes\r\n")
        cut = self.cuts.pop(0) if self.cuts else None
        data, _ = listener.accept()
        with contextlib.suppress(OSError), data:
            data.sendall(content[:cut])
        listener.close()
        return "226 Sent" if cut is None else "426 Cut"


@pytest.fixture
def serve():
    """Start servers that are closed in the end."""
    with contextlib.ExitStack() as stack:
        def start(server):
            stack.callback(server.close)
            return server
        yield start


@pytest.fixture
def https(serve, tmp_path):
    """An HTTPS server and the root that vouches for it."""
    pem, key, root = certificate_for(tmp_path)
    server = serve(FileServer(pem, key))
    server.root = root
    return server


def online(launch, csms, ca=None, **options):
    sim = launch(options=("--ca", str(ca)) if ca else (), **options)
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    return sim


def fetch_diagnostics(csms, location, *wanted, **fields):
    """GetDiagnostics, and what is told of it up to as many statuses as are wanted; the file's name."""
    mark = len(csms.record)
    answer = csms.call("GetDiagnostics", location=location, **fields)
    csms.record.wait("DiagnosticsStatusNotification", timeout_s=20, since=mark, count=len(wanted))
    sent = [m.payload["status"] for m in csms.record.calls("DiagnosticsStatusNotification", mark)]
    assert sent == list(wanted)
    return answer["fileName"]


def test_put_into_a_folder_over_https_with_a_login_and_nothing_personal(launch, csms, https, word):
    """SEC-10, SEC-23: no secret and no idTag leaves, neither of the running session nor of an ended one."""
    sim = online(launch, csms, word=word, ca=https.root, lab=False,
                 settings={"AuthorizationKey": KEY, "FreeVendIdTag": "FREETAG777", "CpoName": "Acme"})
    start_session(sim, csms, "GOOD0002")
    end_session(sim, csms)
    csms.call("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=[
        {"idTag": "LISTED0001", "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY0001"}}])
    sim.wait_ocpp_status("Available")
    start_session(sim, csms, "GOOD0001")
    name = fetch_diagnostics(csms, https.url("/in/", "u%40x:p%3Aw@"), "Uploading", "Uploaded")
    [(method, path, headers, body)] = https.uploads
    assert (method, path) == ("PUT", f"/in/{name}")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"u@x:p:w").decode()
    assert headers["Host"] == f"127.0.0.1:{https.port}"
    text = body.decode()
    for secret in ("GOOD0001", "GOOD0002", "LISTED0001", "FAMILY0001", KEY, "FREETAG777", "p:w", "p%3Aw"):
        assert secret not in text, secret
    for wanted in ("CpoName = Acme", "connectors.1.ocpp_status = Charging", '"reason": "EVDisconnected"', "link: connected"):
        assert wanted in text, wanted
    assert not [line for line in sim.log_lines() if "p%3Aw" in line or "/in/" in line]  # nor is the location logged


def test_post_to_an_address_and_the_other_method_where_the_server_wants_it(launch, csms, https):
    online(launch, csms, ca=https.root)
    name = fetch_diagnostics(csms, https.url("/take?id=5"), "Uploading", "Uploaded")
    method, path, headers, _ = https.uploads.pop()
    assert (method, path) == ("POST", "/take?id=5")
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    https.statuses = [405, 200]
    name = fetch_diagnostics(csms, https.url("/in/"), "Uploading", "Uploaded")
    assert [upload[:2] for upload in https.uploads] == [("PUT", f"/in/{name}"), ("POST", "/in/")]


def test_attempts_until_the_server_takes_it(launch, csms, https):
    online(launch, csms, ca=https.root, time_scale=20)
    https.statuses = [503, 500, 200]
    fetch_diagnostics(csms, https.url("/in/"), *["Uploading", "UploadFailed"] * 2, "Uploading", "Uploaded",
                      retries=2, retryInterval=5)
    assert len(https.uploads) == 3
    https.statuses = [503] * 9
    fetch_diagnostics(csms, https.url("/in/"), *["Uploading", "UploadFailed"] * 2, retries=1, retryInterval=5)
    assert len(https.uploads) == 5


def test_untrusted_server_gets_no_upload(launch, csms, https, serve, tmp_path):
    """No root at all, a root of somebody else, a name that is not in the certificate."""
    other = serve(FileServer(*certificate_for(tmp_path, "example.org")[:2]))
    sim = online(launch, csms, ca=tmp_path / "example.org.root", lab=False)
    fetch_diagnostics(csms, https.url("/in/"), "Uploading", "UploadFailed")
    fetch_diagnostics(csms, other.url("/in/"), "Uploading", "UploadFailed")
    for cause in ("untrusted (", "name ("):
        wait_until(lambda cause=cause: [line for line in sim.log_lines() if "upload: attempt" in line and cause in line],
                   5, f"the log says {cause}")
    assert https.uploads == other.uploads == []


def test_no_upload_without_trusted_roots(launch, csms, https):
    online(launch, csms)
    fetch_diagnostics(csms, https.url("/in/"), "Uploading", "UploadFailed")
    assert https.uploads == []


def test_plain_protocols_on_a_laboratory_unit_only(launch, csms, serve):
    """SEC-12. A unit as sold refuses before it opens a connection."""
    plain, ftp = serve(FileServer()), serve(FtpServer("user", "pa:ss"))
    sold = online(launch, csms, lab=False)
    locations = (plain.url("/in/"), f"ftp://user:pa%3Ass@127.0.0.1:{ftp.port}/in/")
    for location in locations:
        fetch_diagnostics(csms, location, "Uploading", "UploadFailed", retries=3, retryInterval=1)
    assert csms.call("GetConfiguration", key=["SupportedFileTransferProtocols"])["configurationKey"][0]["value"] == "HTTPS"
    sold.stop()
    assert plain.uploads == ftp.commands == []
    mark = len(csms.record)
    online_again = launch("lab")
    csms.wait_booted(since=mark)
    online_again.wait_ocpp_status("Available")
    value = csms.call("GetConfiguration", key=["SupportedFileTransferProtocols"])["configurationKey"][0]["value"]
    assert value == "HTTPS,HTTP,FTP"
    names = [fetch_diagnostics(csms, location, "Uploading", "Uploaded") for location in locations]
    assert plain.uploads[0][:2] == ("PUT", f"/in/{names[0]}")
    assert list(ftp.files) == [f"in/{names[1]}"]
    assert b"[configuration]" in ftp.files[f"in/{names[1]}"]


def test_ftp_logins_folders_and_old_servers(launch, csms, serve):
    ftp = serve(FtpServer("user", "secret", folders=("in", "a b/c"), extended=False))
    online(launch, csms)
    url = f"ftp://%s127.0.0.1:{ftp.port}/%s"
    name = fetch_diagnostics(csms, url % ("user:secret@", "a%20b/c"), "Uploading", "Uploaded")
    assert list(ftp.files) == [f"a b/c/{name}"]
    assert "PASV" in ftp.commands
    fetch_diagnostics(csms, url % ("user:secret@", "file.txt"), "Uploading", "Uploaded")
    assert "file.txt" in ftp.files
    for login, path in (("user:wrong@", "in"), ("", "in"), ("user:secret@", "nowhere/"), ("user:secret@", "in%0D%0ADELE%20x")):
        fetch_diagnostics(csms, url % (login, path), "Uploading", "UploadFailed")
    assert len(ftp.files) == 2
    assert "DELE" not in ftp.commands


def test_a_new_request_ends_the_running_one(launch, csms, https, serve):
    """The first server takes nothing at all; the second request does not wait for it."""
    deaf = serve(socket.create_server(("127.0.0.1", 0)))
    online(launch, csms, ca=https.root)
    mark = len(csms.record)
    csms.call("GetDiagnostics", location=f"https://127.0.0.1:{deaf.getsockname()[1]}/in/")
    connection, _ = deaf.accept()
    csms.call("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    csms.record.wait("DiagnosticsStatusNotification", since=mark, count=2)
    fetch_diagnostics(csms, https.url("/in/"), "Uploading", "Uploaded")
    connection.settimeout(5)
    with contextlib.suppress(ConnectionError):
        while connection.recv(4096):
            pass  # ends: the charger has hung up
    connection.close()
    sent = [m.payload["status"] for m in csms.record.calls("DiagnosticsStatusNotification", mark)]
    assert sent == ["Uploading", "Uploading", "Uploading", "Uploaded"]


def test_energy_goes_on_while_an_upload_crawls(launch, csms, serve):
    """The control tick is not held up by a server that takes a byte now and then; at a chip's pace."""
    slow = serve(socket.create_server(("127.0.0.1", 0)))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    sim = online(functools.partial(at_pace, launch), csms)
    start_session(sim, csms)
    csms.call("GetDiagnostics", location=f"http://127.0.0.1:{slow.getsockname()[1]}/in/")
    connection, _ = slow.accept()
    with connection:
        assert connection.recv(1)
        before = sim.status()["tick"]["count"]
        sim.wait_for(lambda s: s["tick"]["count"] >= before + 50)
        assert sim.connector()["relay"]
        never_late(sim)
