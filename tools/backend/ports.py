"""Local TCP ports for what the demo, the tests and the bench start: free ones of this process, and the well-known ones."""

import itertools
import os
import random
import socket

_PORT_BLOCKS = [range(start, start + 256) for start in range(10240, 32768, 256)]
_own_ports = []  # [(process id, socket that holds the block's first port, the block's other ports in turn)], the last counts
_claims = {}  # well-known port -> the socket that holds it for this process


def free_port():
    """A TCP port without a listener, another one at each call, that no other process is given by this function.

    Each process takes a block of ports and holds it by its first port, bound without a listener. The blocks lie below the
    ports that the kernel gives away, so that no connection takes a port before it is used, or while its user restarts.
    """
    if not _own_ports or _own_ports[-1][0] != os.getpid():  # a child of a process has a block of its own
        _own_ports.append(_claim_ports())
    return next(filter(is_free, _own_ports[-1][2]))


def _claim_ports():
    """An entry of _own_ports, of a block that no other process holds."""
    for block in random.SystemRandom().sample(_PORT_BLOCKS, len(_PORT_BLOCKS)):
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", block[0]))
        except OSError:
            holder.close()
            continue
        return os.getpid(), holder, itertools.cycle(block[1:])
    raise OSError("each block of local TCP ports is in use")


def is_free(port):
    """True when this local TCP port has no listener."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def claim(port):
    """True when this well-known local TCP port is free and this process has claimed it, until its end.

    Between is_free() and the listener of a program that is started there another process may take the port: it asks here, too.
    """
    if port not in _claims:
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0pilotlight-port-{port}")  # a name without a file, of the same network namespace as the port
        except OSError:
            holder.close()
            return False
        _claims[port] = holder
    return is_free(port)
