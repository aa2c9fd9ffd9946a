# Runs the test functions of one file inside MicroPython, on demand.
#
# Started by interpreter.py as `micropython runner.py FOLDER MODULE`. Each line on stdin is the name of a test
# function; the answer is a line on stdout that starts with RECORD. Whatever a test prints goes to stdout as it is.
# This file is MicroPython only and is never imported by CPython.
import sys
import time  # noqa: F401 - the simulated one nests deeper than the built-in one: 32-bit MicroPython has little stack

RECORD = "\x1e"


def describe(error):
    """Summary line and traceback as text, with the heap unlocked: a no-allocation test may have died with it locked."""
    import io

    import micropython

    while micropython.heap_unlock():
        pass
    text = io.StringIO()
    sys.print_exception(error, text)
    summary = "%s: %s" % (type(error).__name__, error)
    return summary.split("\n")[0] + "\n" + text.getvalue()


def answer(outcome, text=""):
    """One result: passed, failed, skipped or broken (the file itself does not import); summary line first."""
    import json

    sys.stdout.write(RECORD + json.dumps([outcome, text]) + "\n")


def call(function):
    """Run a test function; a coroutine gets an event loop of its own, so that no task outlives its test."""
    result = function()
    if hasattr(result, "send"):
        import asyncio

        ended = []

        async def whole():
            await result
            ended.append(True)

        asyncio.new_event_loop()
        asyncio.run(whole())
        # MicroPython's loop returns, as if all were well, when nothing is left that could wake the task it runs.
        if not ended:
            raise AssertionError("the test waits for something that can never happen")


def run(module, name):
    """Run one test between the module's setup() and teardown(), and say how it went."""
    try:
        if hasattr(module, "setup"):
            call(module.setup)
        try:
            call(getattr(module, name))
        finally:
            if hasattr(module, "teardown"):
                call(module.teardown)
    except BaseException as error:  # a SystemExit or a KeyboardInterrupt out of a test is a failure of that test
        if type(error).__name__ == "Skip":
            answer("skipped", str(error))
        else:
            answer("failed", describe(error))
        return
    answer("passed")


def end_with_parent():
    """Have the kernel kill this process when pytest ends: a test that hangs does not outlive a killed test run."""
    import ffi

    set_death_signal, sigkill = 1, 9  # PR_SET_PDEATHSIG
    ffi.open("libc.so.6").func("i", "prctl", "iIIII")(set_death_signal, sigkill, 0, 0, 0)


def main():
    """Import the file once, then serve test names until stdin ends."""
    end_with_parent()
    folder, name = sys.argv[1], sys.argv[2]
    # The script's own folder comes first by default; nothing in it is meant for the tests.
    sys.path.pop(0)
    sys.path.append(folder)
    module, broken = None, ""
    try:
        module = __import__(name)
    except BaseException as error:
        broken = describe(error)
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        if module is None:
            answer("broken", broken)
        else:
            run(module, line.strip())


if __name__ == "__main__":
    main()
