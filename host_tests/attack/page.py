"""A client of the unit's local page, good or bad, and what the unit told on its label."""

import http.client
import json
import ssl

from backend.simulator import free_port


class Page:
    """One client: cookies and CSRF token are kept. Its requests are (status, object, headers)."""

    def __init__(self, port):
        self._port = port
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE  # the unit's own; not what is tested
        self._connection = None
        self.cookies = {}
        self.csrf = None

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, method, path, body=None, headers=None):
        """A request, made again once where the connection had been closed meanwhile."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", **(headers or {})}
        if self.cookies:
            fields.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.csrf:
            fields.setdefault("X-CSRF-Token", self.csrf)
        for last in (False, True):
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=30, context=self._context)
                self._connection.request(method, path, body=data, headers=fields)
                response = self._connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException):
                self.close()
                if last:
                    raise
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return response.status, json.loads(text), response.headers

    def log_in(self, pin, role="owner"):
        """Status and answer of a login."""
        status, answer, _ = self.ask("POST", "/api/login", {"pin": pin, "role": role})
        self.csrf = answer.get("csrf", self.csrf)
        return status, answer


def label_of(sim):
    """What was printed when the unit was made."""
    return next(json.loads(line)["label"] for line in sim.log_lines() if line.startswith('{"label": '))


def web_words():
    """(options of a charger with a page, its port)."""
    port = free_port()
    return ["--web", f"127.0.0.1:{port}"], port
