"""Fixtures of the black-box tests: whole chargers on the real interpreter, and a back end that watches every word.

A test asks for `csms` and `launch` (or `charger`, one online charger). Each charger has its own flash, port and seed, which
is the same at each run but in `make soak`;
what it printed and said is added to a failing test's report. After each test the back end's record is audited: every
message of the charger has to keep to OCPP's schemas, by the `ocpp` package's and by ocpp-rpc's validator, and to the RPC
rules, and no traceback may be in its log.
"""

import contextlib
import os
from binascii import crc32

import frozen
import pytest

from backend import Csms, Simulator, StrictBackend, fast_clock

SOAK = os.environ.get("PILOTLIGHT_SOAK") == "1"
# Chargers of these tests live this much faster than we do, unless a test measures time itself.
SCALE = 5
REFERENCE_HEAP = 256 * 1024  # bytes, of the chargers with 32-bit words: what the reference board has (ESP32_S3_DEVKITC)
BOARD_HEAP = 128 * 1024  # what a board without PSRAM has: the back end's link and one more service at a time
# Of those that an update changes to a ROMFS image: its modules take about 45 KiB more of the heap than frozen ones do, and a
# board has none of that.
ROMFS_HEAP = 192 * 1024
CLOCK = 60  # of the back end: ahead of every charger, whose time stamps then never go back

TAGS = {
    "GOOD0001": "Accepted", "GOOD0002": "Accepted", "GOOD0003": "Accepted", "BLOCKED1": "Blocked",
    "EXPIRED1": "Expired",
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the chargers' logs and the back end's record to the report of a test that failed."""
    report = yield
    if report.failed:
        for sim in getattr(item, "chargers", []):
            report.sections.append((f"charger {sim.identity}, seed {sim.seed}", sim.log_tail(60)))
        if "csms" in getattr(item, "funcargs", {}):
            report.sections.append(("back end's record", item.funcargs["csms"].record.text(30)))
    return report


@pytest.fixture(params=[64, 32] if SOAK else [32], ids=lambda word: f"{word}bit")
def word(request):
    """The board's word size and its frozen firmware; in `make soak` the 64-bit one as well, on which all others run."""
    return request.param


@pytest.fixture(scope="session")
def second_opinion():
    """ocpp-rpc in strict mode, one process a worker: it judges what the first back end recorded."""
    with StrictBackend() as strict:
        yield strict


@pytest.fixture
def csms(second_opinion):
    """A back end that knows TAGS. Set `csms.audited = False` where the test breaks the rules for both sides: then only
    the second validator looks at what the charger said."""
    with Csms(tags=TAGS) as backend:
        backend.audited = True
        backend.now = fast_clock(CLOCK)
        yield backend
        if backend.audited:
            assert backend.problems() == []
        assert second_opinion.problems_of(backend.record) == []


@pytest.fixture(scope="session")
def frozen_interpreter():
    """The 32-bit interpreter that holds the firmware as a board has it: frozen."""
    return frozen.interpreter()


@pytest.fixture
def launch(request, tmp_path, csms):
    """Start chargers: launch(connectors=2, settings={...}) gives a Simulator, by default connected to `csms`.

    The 64-bit interpreter runs the sources; the 32-bit one what a board has: frozen firmware, in the heap of the reference
    board unless `heap` says otherwise.
    """
    request.node.chargers = []

    def start(name="charger", **options):
        options.setdefault("csms_url", csms.url)
        options.setdefault("time_scale", SCALE)
        if not SOAK:
            options.setdefault("seed", crc32(f"{request.node.nodeid} {len(request.node.chargers)}".encode()) >> 1)
        heap = options.pop("heap", REFERENCE_HEAP)
        if options.get("word") == 32:
            options["options"] = ["--frozen", str(request.getfixturevalue("frozen_interpreter")), "--heap", str(heap),
                                  *options.get("options", ())]
        sim = Simulator(tmp_path / name, **options)
        request.node.chargers.append(sim)
        return sim.start()

    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [sim.close() for sim in request.node.chargers])
        yield start
        for sim in request.node.chargers:
            if getattr(sim, "may_crash", False):
                continue
            assert not tracebacks(sim.log_lines()), sim.log_tail()


@pytest.fixture
def charger(launch, csms):
    """One charger with one connector, accepted by the back end, Available."""
    sim = launch()
    csms.wait_booted()
    sim.wait_ocpp_status("Available")
    return sim


def tracebacks(lines):
    """The lines of printed exceptions, but for a file that a collection closes after the simulated flash has lost its power."""
    found = []
    for index, line in enumerate(lines):
        if "Traceback" in line:
            frames = [later for later in lines[index + 1 : index + 12] if later.startswith("  File ")]
            end = next((later for later in lines[index + 1 : index + 12] if not later.startswith("  ")), "")
            if not ("ESP_ERR_FLASH_OP_FAIL" in end and all("/sim/flash.py" in frame for frame in frames)):
                found.append(line)
    return found
