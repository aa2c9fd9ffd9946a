"""`usocket` of the bare-metal target, which has no network: names to import, and nothing that can be opened."""

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOL_SOCKET = 1
SO_REUSEADDR = 2
_ENETUNREACH = 101


def socket(*arguments):
    """OSError: there is no network."""
    raise OSError(_ENETUNREACH)


def getaddrinfo(host, port, *rest):
    """OSError: there is no network."""
    raise OSError(_ENETUNREACH)
