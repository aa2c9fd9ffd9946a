"""The link to the process that started this one.

Commands come in on a pipe of its own, one JSON object a line, since stdin and stdout are the serial line of the console. What
goes out on stdout begins with a record separator, which a log line never does.
"""

import asyncio
import gc
import json
import sys

from sim import launch, libc, net, rtc, timebase, world

_MARK = "\x1e"
_in = None
_early = []  # commands that came while nothing was served


def send(message):
    """One message to the parent, piece by piece: the heap is the firmware's."""
    sys.stdout.write(_MARK)
    json.dump(message, sys.stdout)
    sys.stdout.write("\n")


def kept():
    """State that a restarted chip finds again: world, clock, memory outside the heap, time scale."""
    seconds, millis = rtc.now()
    return {
        "world": world.current().snapshot(),
        "rtc": [seconds, millis, rtc.memory.hex()],
        "network_down": net.down,
        "scale": timebase.scale_milli / 1000,
    }


def take_over(state):
    """Counterpart of kept()."""
    world.current().restore(state["world"])
    net.down = state["network_down"]
    timebase.set_scale(state["scale"])
    if state.get("rtc"):
        seconds, millis, memory = state["rtc"]
        rtc.set_seconds(seconds, millis)
        rtc.set_memory(bytes.fromhex(memory))


def restart(cause):
    """The chip restarts: say so with all that outlives it, and end. Does not return."""
    send({"event": "reboot", "cause": cause, "kept": kept()})
    libc.exit_now(0)


def power_cut(seconds, brown_out=False):
    """The supply is gone, this instant, for `seconds`: the clock is lost, unless it is a brown-out; the car stays.

    Does not return.
    """
    state = kept()
    if not brown_out:
        state["rtc"] = None
    send({"event": "power_cut", "seconds": seconds, "kept": state})
    libc.exit_now(0)


def _reply(command, answer):
    """answer(command), or its failure for want of memory, which is the charger's business and must not end the port."""
    try:
        return answer(command)
    except MemoryError:
        gc.collect()
        return {"ok": False, "error": "the charger's heap is full"}, None


def _send_reply(reply):
    try:
        send(reply)
    except MemoryError:
        gc.collect()
        send({"ok": False, "error": "the charger's heap is full", "n": reply["n"]})


def _commands():
    """The stream of commands, made once: a second file object would have a buffer of its own."""
    global _in
    if _in is None:
        number = launch.config["link_fd"]
        _in = open(number, "rb") if number else sys.stdin
    return _in


def wait_for_parent():
    """Wait for the empty line that confirms an event, and keep commands that come before it; ends when the parent has gone."""
    while True:
        line = _commands().readline()
        if not line:
            libc.exit_now(1)
        if not line.strip():
            return
        _early.append(line)


async def serve(answer):
    """Read commands for ever; answer(command) gives (reply, what to do after it is sent or None)."""
    reader = asyncio.StreamReader(_commands())
    while True:
        line = _early.pop(0) if _early else await reader.readline()
        if not line:  # the parent is gone
            libc.exit_now(1)
        try:
            command = json.loads(line)
        except ValueError:  # the parent checks what it passes on; a command lost here times out there
            continue
        reply, after = _reply(command, answer)
        reply["n"] = command["n"]
        if after is None:
            _send_reply(reply)
            continue
        reply["kept"] = kept()
        send(reply)
        result = after()
        if hasattr(result, "send"):
            await result
