"""A client of a charger's local API, as the page in a browser is one: cookies, CSRF token, connections that are kept."""

import http.client
import json
import socket
import ssl


class Answer:
    """`status`, `headers` (http.client.HTTPMessage), `data`, and for JSON `text` and `json` (None where the body is none)."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()
        self.text = self.data.decode(errors="replace")
        try:
            self.json = json.loads(self.text)
        except ValueError:
            self.json = None

    def __repr__(self):
        return f"<{self.status} {self.text[:200]}>"


class Page:
    """One client. `certificate` (PEM) is what the unit has to show; without one any is believed, as people do.

    With `keep` requests go through one connection as long as the unit leaves it open, else each has its own.
    """

    def __init__(self, port, certificate=None, timeout_s=30, keep=False):
        self.port = port
        self.timeout_s = timeout_s
        self.keep = keep
        self.cookies = {}
        self.csrf = None
        self._connection = None
        self.context = ssl.create_default_context(cadata=certificate)
        self.context.check_hostname = False
        if certificate is None:
            self.context.verify_mode = ssl.CERT_NONE

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self):
        """A TLS connection to the unit."""
        raw = socket.create_connection(("127.0.0.1", self.port), self.timeout_s)
        return self.context.wrap_socket(raw)

    def request(self, method, path, body=None, headers=None):
        """One request; body is an object for JSON, or bytes, or None. `headers` go before those we would send."""
        sent = {}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method in ("POST", "PUT"):
            body = {} if body is None else body
            sent["Content-Type"] = "application/json"
            if self.csrf:
                sent["X-CSRF-Token"] = self.csrf
        sent.update(headers or {})
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        sent = {name: value for name, value in sent.items() if value is not None}
        for last in (self._connection is None, True):
            try:
                answer = self._send(method, path, data, sent)
                break
            except (OSError, http.client.HTTPException):
                self.close()
                if last:
                    raise
        if not self.keep:
            self.close()
        self._keep(answer)
        return answer

    def _send(self, method, path, data, headers):
        if self._connection is None:
            self._connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=self.timeout_s)
        self._connection.request(method, path, data, headers)
        return Answer(self._connection.getresponse())

    def close(self):
        """Close the connection; the session stays."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _keep(self, answer):
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status == 200 and isinstance(answer.json, dict) and "csrf" in answer.json:
            self.csrf = answer.json["csrf"]

    def get(self, path):
        """The JSON of a GET that has to succeed."""
        answer = self.request("GET", path)
        assert answer.status == 200, answer
        return answer.json

    def post(self, path, **fields):
        """The JSON of a POST that has to succeed."""
        answer = self.request("POST", path, fields)
        assert answer.status == 200, answer
        return answer.json

    def put(self, path, **fields):
        """The JSON of a PUT that has to succeed."""
        answer = self.request("PUT", path, fields)
        assert answer.status == 200, answer
        return answer.json

    def login(self, pin, role="owner"):
        """Log in; the answer, whatever it is."""
        self.csrf = None
        return self.request("POST", "/api/login", {"pin": pin, "role": role})

    def raw(self, data, wait_s=20):
        """Send bytes over a fresh connection; all that comes back until the unit closes it, or nothing more comes."""
        with self.connect() as stream:
            stream.settimeout(wait_s)
            stream.sendall(data)
            got = b""
            try:
                while piece := stream.recv(4096):
                    got += piece
            except (TimeoutError, ssl.SSLError, ConnectionError):
                pass
            return got
