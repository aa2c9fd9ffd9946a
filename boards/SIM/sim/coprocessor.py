"""The co-processor and the memory that it shares with the firmware, as far as firmware/charger/drivers/coprocessor.py sees them.

It publishes the plateaus of outlet 1's pilot, lends ADC1, and takes the contactor's pad when a test says so: `open_for(cause)`.
That the program itself does so is shown by host_tests/coprocessor, which runs its instructions.
"""

from micropython import const

from sim import world

_WORDS = tuple([0x50000000 + 4 * n for n in range(18)])  # objects of their own, so that a look-up in the tick makes none
_ARMED, _CAUSE, _HIGH, _LOW, _HOLD, _HELD, _STOP = const(0), const(7), const(8), const(9), const(14), const(15), const(17)
_COUNTS_FULL, _FULL_MV = const(4095), const(3300)
memory = dict.fromkeys(_WORDS, 0)
state = {"running": False, "loaded": None, "lends": True}


class Mem16:
    """`machine.mem16` over the RTC memory."""

    def __getitem__(self, address):
        if state["running"]:
            if address == _WORDS[_HELD]:
                return memory[_WORDS[_HOLD]] if state["lends"] else 0
            if address == _WORDS[_HIGH]:
                return _counts(world.current().outlets[0].pilot_sense.high_uv)
            if address == _WORDS[_LOW]:
                return _counts(world.current().outlets[0].pilot_sense.low_uv)
        return memory[address]

    def __setitem__(self, address, value):
        memory[address] = value & 0xFFFF
        if address == _WORDS[_STOP] and value:
            state["running"] = False


def _counts(uv):
    return uv // 1000 * _COUNTS_FULL // _FULL_MV


class ULP:
    """`esp32.ULP`."""

    def load_binary(self, address, binary):
        """Load a program; OSError without its header."""
        if binary[:4] != b"ulp\0":
            raise OSError(-0x10)
        for word in _WORDS:
            memory[word] = 0
        state["loaded"] = bytes(binary)

    def run(self, entry):
        """Start at a byte address."""
        state["running"] = True


def word(number):
    """A word of the memory."""
    return memory[_WORDS[number]]


def open_for(cause):
    """The program has a reason; armed it opens the contactor. True when it has."""
    if not (state["running"] and memory[_WORDS[_ARMED]]):
        return False
    memory[_WORDS[_CAUSE]] = memory[_WORDS[_CAUSE]] or cause
    outlet = world.current().outlets[0]
    outlet.sync()
    outlet.contactor.coil = False
    return True
