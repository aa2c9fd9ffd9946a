"""Holds the firmware's discovery messages to Home Assistant's own schemas: `make ha`, which installs its package.

Exit codes: 0 all messages are taken, 1 one is not, 2 its package is missing.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "host_tests"), str(ROOT / "tools")]

from cli import failed  # noqa: E402 - found by the path above
from home_assistant.payloads import messages  # noqa: E402 - found by the path above

RIGHTS = ("charge", "update", "status", "schedule")
PYTHON = ROOT / ".toolchain" / "ha" / "bin" / "python"


def main() -> int:
    """Entry point."""
    if not PYTHON.exists():
        return failed("ha", "Home Assistant's package is missing: run 'make ha'.", 2)
    command = [str(PYTHON), str(ROOT / "tools" / "home_assistant_schemas.py")]
    return subprocess.run(command, input=json.dumps(messages(rights=RIGHTS)), text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
