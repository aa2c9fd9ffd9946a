"""Which unit tests run on the bare-metal target, and which of them in every run of the tests."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNIT = ROOT / "host_tests" / "unit"
ALL = os.environ.get("PILOTLIGHT_TARGET") == "all"
# What runs each time: the files that the differences between a PC and a board can hit, and that take few seconds.
FAST = ("test_der", "test_chip_bl0942", "test_chip_cse7766", "test_chip_ade7953", "test_chip_atm90e32", "test_configuration")
# File, or file and test -> what the target lacks. Each of these runs on the unix port.
LACKING: dict[str, str] = {
    "test_dns": "sockets",
}
