"""Side by side on the same back end: tools/fleet.py and em-ocpp-chargepoint-simulator from npm, the same cars and MeterValues.

    npm install --prefix DIR em-ocpp-chargepoint-simulator@0.0.4
    cd tools && ../.venv/bin/python -m benchmarks.peer DIR [CHARGERS [SECONDS]]

Node must be on the PATH. Each contestant has the machine for itself in its turn; the back end is this process, which is not
counted. docs/PERFORMANCE.md has the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cli import in_range

from backend import Csms
from backend.simulator import ROOT, cpu_seconds

TAG = "FLEET0001"
EVERY_S = 2  # between two MeterValues
_SCRIPT = Path(__file__).with_suffix(".js")
_PROGRAM = "node_modules/em-ocpp-chargepoint-simulator/build/src/main.js"
_START_S = 120
_COUNTED = 0.7  # of the session's time: its begin and its end are left out


def _mib(pid):
    fields = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return round(int(fields["Pss:"]) / 1024)


def peer(folder, count, seconds):
    """Figures of the npm simulator; it has one session for each charge point."""
    with Csms(tags={TAG: "Accepted"}) as csms:
        words = {"N": str(count), "S": str(seconds), "CSMS": csms.url}
        process = subprocess.Popen(["node", folder / _PROGRAM, os.path.relpath(_SCRIPT, folder)], cwd=folder,
                                   env={**os.environ, **words}, stdout=subprocess.DEVNULL)
        end = time.monotonic() + _START_S
        while len(csms.record.calls("StartTransaction")) < count and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        try:
            spent_s, begun, said = cpu_seconds([process.pid]), time.monotonic(), len(csms.record)
            time.sleep(seconds * _COUNTED)
            spent_s, real_s = cpu_seconds([process.pid]) - spent_s, time.monotonic() - begun
            return {"chargers_a_core": round(count * real_s / max(0.01, spent_s)), "mib_in_all": _mib(process.pid),
                    "messages": len(csms.record) - said, "processor_s": round(spent_s, 2), "problems": len(csms.problems())}
        finally:
            process.wait(_START_S)


def ours(count, seconds):
    """Figures of tools/fleet.py."""
    with Csms(tags={TAG: "Accepted"}) as csms, tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "fleet.json"
        words = ["--csms", csms.url, "--sessions", "--pause", "1", "--seconds", str(seconds), "--json", figures, "--lab",
                 "--", "--set", f"MeterValueSampleInterval={EVERY_S}"]
        subprocess.run([sys.executable, ROOT / "tools" / "fleet.py", str(count), *words], stdout=subprocess.DEVNULL, check=True)
        found = json.loads(figures.read_text())
        return {"chargers_a_core": found["work"]["chargers_a_core"], "mib_in_all": found["memory"]["mib_in_all"],
                "messages": len(csms.record), "processor_s": found["work"]["processor_s"], "problems": len(csms.problems())}


def main(words):
    """Print a line of JSON for each."""
    parser = argparse.ArgumentParser(prog="benchmarks.peer", description="Two simulators on the same back end.")
    parser.add_argument("folder", type=Path, help="where em-ocpp-chargepoint-simulator was installed")
    parser.add_argument("count", nargs="?", type=in_range(1, 1000), default=20)
    parser.add_argument("seconds", nargs="?", type=in_range(1, 3600, float), default=30.0)
    given = parser.parse_args(words)
    print(json.dumps({"fleet.py": ours(given.count, given.seconds)}))
    print(json.dumps({"em-ocpp-chargepoint-simulator": peer(given.folder.resolve(), given.count, given.seconds)}))


if __name__ == "__main__":
    main(sys.argv[1:])
