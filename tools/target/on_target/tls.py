"""`tls` of the bare-metal target, where mbedTLS is not built in: names to import, and no context."""

PROTOCOL_TLS_CLIENT = 0
PROTOCOL_TLS_SERVER = 1
CERT_NONE = 0
CERT_OPTIONAL = 1
CERT_REQUIRED = 2


class SSLContext:
    """NotImplementedError: there is no TLS."""

    def __init__(self, protocol):
        raise NotImplementedError("no TLS on the bare-metal target")
