"""`socket` of the simulated board: the built-in one, behind an uplink that can be cut."""

import usocket
from usocket import *  # noqa: F403

from sim import launch, net

_TRY_AGAIN = -3  # EAI_AGAIN: no name server answers


def socket(*args):
    """A socket; while the network is down one that cannot go out."""
    if net.down:
        return net.Unplugged(*args)
    return usocket.socket(*args)


def getaddrinfo(host, port, *rest):
    """As of the built-in module; names are unknown while the network is down. --set HomeHost is this computer."""
    if net.down and not net.is_numeric(host):
        raise OSError(_TRY_AGAIN)
    if host and host == launch.setting("HomeHost", None):
        host = "127.0.0.1"
    return usocket.getaddrinfo(host, port, *rest)
