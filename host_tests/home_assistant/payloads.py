"""The discovery messages as the firmware makes them, without a broker."""

import json
import subprocess

from mpy.interpreter import ROOT, binary, environment


def messages(connectors=2, serial="PL-0001", rights=()):
    """[topic, payload as text] of each entity of a unit with so many connectors; `rights` are those of its token."""
    done = subprocess.run(
        [str(binary(64)), "host_tests/home_assistant/discovery_on_device.py", str(connectors), serial, *rights],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return json.loads(done.stdout.rsplit("\x1e", 1)[1])
