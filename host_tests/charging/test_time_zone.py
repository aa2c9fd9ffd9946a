"""The rules of time zones against CPython's zoneinfo, for ten years (UK-5, UK-24)."""

import datetime
import json
import random
import subprocess
import zoneinfo

import pytest

from mpy.interpreter import ROOT, binary, environment

START = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp())
END = int(datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC).timestamp())


def offset_s(zone, moment):
    """The offset by zoneinfo."""
    return int(datetime.datetime.fromtimestamp(moment, zone).utcoffset().total_seconds())


@pytest.mark.parametrize("word", [64, 32])
@pytest.mark.parametrize(("name", "rule"), [
    ("Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"), ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ("Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"), ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
    ("Asia/Kathmandu", "<+0545>-5:45"),
])  # fmt: skip
def test_offsets_and_changes_are_those_of_zoneinfo_for_ten_years(name, rule, word):
    zone = zoneinfo.ZoneInfo(name)
    hours = list(range(START, END, 3600))
    changes = []
    for before, after in zip(hours, hours[1:], strict=False):
        if offset_s(zone, before) != offset_s(zone, after):
            changes.append(next(m for m in range(before, after + 1) if offset_s(zone, m) != offset_s(zone, before)))
    shuffle = random.Random(word)
    near = [change + step for change in changes for step in (-3600, -1, 0, 1, 3600)]
    moments = [START, *shuffle.sample(hours, 2000), *near, *shuffle.sample(range(START, END), 1000), END]
    run = subprocess.run(
        [str(binary(word)), "-X", "heapsize=4M", "host_tests/charging/zone_on_device.py"], cwd=ROOT, env=environment(),
        input=json.dumps({"zone": rule, "moments": moments}) + "\n", capture_output=True, text=True, timeout=60, check=True)
    told = json.loads(run.stdout)
    assert told["offsets"] == [offset_s(zone, moment) for moment in moments]
    if changes:
        assert [change for change in told["changes"] if change < END] == changes
        assert len(changes) == 20
