"""The few calls of the C library that the shims need and MicroPython does not offer."""

from array import array

import ffi

_libc = ffi.open("libc.so.6")

_alarm = _libc.func("I", "alarm", "I")
_setitimer = _libc.func("i", "setitimer", "iPP")
shutdown = _libc.func("i", "shutdown", "ii")
exit_now = _libc.func("v", "_exit", "i")
_prctl = _libc.func("i", "prctl", "iIIII")
_getsockopt = _libc.func("i", "getsockopt", "iiiPP")
_getname = {name: _libc.func("i", name, "iPP") for name in ("getsockname", "getpeername")}
_open = _libc.func("i", "open", "sii")
_mmap = _libc.func("P", "mmap", "PIiiii")
_lseek = _libc.func("i", "lseek", "iii")

_BLOCKED_FACTOR = 10
_ITIMER_PROF = 2
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_SOL_SOCKET = 1
_SO_ACCEPTCONN = 30

_span = array("l", (0, 0, 0, 0))  # struct itimerval: interval, then value; kept, since the control tick puts the alarm off

def alarm(seconds):
    """End this process after so many seconds of its own processor time (SIGPROF), or ten times as long in real time (SIGALRM).

    Each call begins anew; 0 ends it. It allocates nothing.
    """
    _span[2] = seconds
    _setitimer(_ITIMER_PROF, _span, None)
    _alarm(_BLOCKED_FACTOR * seconds)


def die_with_parent():
    """SIGKILL this process when the one that started it ends: a killed simulator must not leave its charger running."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def is_listener(fd):
    """True or False for a socket, None for anything else."""
    value = bytearray(4)
    size = bytearray((4, 0, 0, 0))
    if _getsockopt(fd, _SOL_SOCKET, _SO_ACCEPTCONN, value, size) != 0:
        return None
    return value[0] != 0


def port_of(fd, which="getsockname"):
    """Port of a TCP or UDP socket at this end, or at the other with "getpeername"; None when there is none."""
    name = bytearray(28)
    size = bytearray((28, 0, 0, 0))
    if _getname[which](fd, name, size) != 0 or name[0] not in (2, 10):  # AF_INET, AF_INET6
        return None
    return name[2] << 8 | name[3]


def map_file(path):
    """(address, size) of a file mapped read-only; OSError when it cannot be."""
    from sim import launch  # here, since the chain of nested first imports at the top has no room for one more

    root = launch.host_root
    fd = _open(path[len(root) :] if path.startswith(root) else path, 0, 0)
    if fd < 0:
        raise OSError(2)
    size = _lseek(fd, 0, 2)
    address = _mmap(0, size, 1, 1, fd, 0)  # PROT_READ, MAP_SHARED: another process may write
    if size <= 0 or address in (0, -1, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
        raise OSError(22)
    return address, size
