"""Local TCP ports that tests and tools give to what they start."""

import subprocess
import sys

from backend.simulator import ROOT, free_port

PROGRAM = """
import sys
sys.path.insert(0, {tools!r})
from backend.simulator import free_port
print(*[free_port() for _ in range({count})], flush=True)
sys.stdin.read()
"""
COUNT = 200


def test_processes_that_run_at_once_are_never_given_the_same_port():
    """A port is free until its user listens; another process must not be given it in between."""
    code = PROGRAM.format(tools=str(ROOT / "tools"), count=COUNT)
    others = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
              for _ in range(8)]
    try:
        given = [int(port) for other in others for port in other.stdout.readline().split()]
        given += [free_port() for _ in range(COUNT)]
    finally:
        for other in others:
            other.communicate()
    assert len(given) == len(set(given)) == COUNT * 9
