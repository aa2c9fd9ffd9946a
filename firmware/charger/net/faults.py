"""What goes wrong on the network. Always in RAM, so that an exception is of the same class to whoever raises and whoever
catches it, though their modules come and go (late.py)."""


class ConnectError(Exception):
    """No connection. `cause` is one of dns, refused, timeout, reset, or of TlsError's; the text says more."""

    def __init__(self, cause: str, text: str):
        super().__init__(text)
        self.cause = cause

    def __str__(self):
        return "%s (%s)" % (self.cause, self.args[0])


class TlsError(ConnectError):
    """No secure connection. `cause`: untrusted, expired (or not yet valid), name, certificate (something else about
    it), no-time, proof (the server could not show that the certificate is its own), version, suite, own-cert (the
    server does not accept ours), protocol; reset, timeout. What becomes of them: audit/connection_events.py."""


class HttpError(Exception):
    """`cause`: closed (by the server, too early), timeout, protocol (not HTTP as it should be), redirect."""

    def __init__(self, cause: str, text: str):
        super().__init__(text)
        self.cause = cause


class FtpError(Exception):
    """`code` is the server's reply code, 0 when there was no reply, or none that FTP knows."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code
