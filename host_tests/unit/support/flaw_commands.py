# Commands of the control port to the simulated electrical world, for the tests of its flaws.
from check import true
from world_rig import Bench

from sim import control


def do(cmd, **args):
    """Send a command of the control port."""
    args["cmd"] = cmd
    reply, _ = control.answer(args)
    true(reply["ok"], reply)


def refused(cmd, **args):
    """Send a command that is refused."""
    args["cmd"] = cmd
    reply, _ = control.answer(args)
    true(not reply["ok"], reply)


def amps_of(outlet):
    outlet.sync()
    return outlet.ev.i_ma // 1000


def charging(**settings):
    bench = Bench(**settings)
    bench.charge()
    return bench
