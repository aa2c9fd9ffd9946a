"""The other side of the wire, for the demo, the tests and the bench: a local OCPP 1.6J back end made with the `ocpp`
and `websockets` packages, a handle on the simulator's process, and a CPython charge point to compare with."""

from .answers import CutFrame, Drop, Error, Held, Late, Release, Result, Silence, Text
from .csms import CallRefused, Csms
from .ledger import Ledger, Transaction, fast_clock, utc_now
from .record import Message, Record
from .simulator import CommandRefused, ControlPort, Simulator, SimulatorError
from .strict_backend import StrictBackend
from .waiting import WaitTimeout, wait_until

__all__ = [
    "CallRefused", "CommandRefused", "ControlPort", "Csms", "CutFrame", "Drop", "Error", "Held", "Late", "Ledger",
    "Message", "Record", "Release", "Result", "Silence", "Simulator", "SimulatorError", "StrictBackend", "Text",
    "Transaction", "WaitTimeout", "fast_clock", "utc_now", "wait_until",
]
