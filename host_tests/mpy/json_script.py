"""A script in MicroPython that answers a line of JSON with a record of JSON, as often as it is called."""

import json
import subprocess

from mpy.interpreter import BEHIND, RECORD, ROOT, binary, environment


class JsonScript:
    """A running script of host_tests/; what it prints beside the records is shown when it ends too early."""

    def __init__(self, script, word=64, heap="16M", arguments=()):
        self.process = subprocess.Popen(
            [*BEHIND, str(binary(word)), "-X", f"heapsize={heap}", script, *arguments],
            cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def call(self, value, **options):
        """Send a value; the record that answers it, read with these options of json.loads()."""
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()
        log = []
        for line in self.process.stdout:
            if line.startswith(RECORD.decode()):
                return json.loads(line[1:], **options)
            log.append(line)
        raise AssertionError("the interpreter ended:\n" + "".join(log[-20:]))

    def close(self):
        """End the script."""
        self.process.stdin.close()
        self.process.wait(120)
