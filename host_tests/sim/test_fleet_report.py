"""The figures of a fleet: percentiles, the table on a terminal, the histogram, the pace, and when the starts are."""

import asyncio
import contextlib
import functools
import io
import types

import fleet
import fleet_report
import pytest
from fleet_report import Figures, histogram_png, percentiles
from PIL import Image
from rich.console import Console


class Unit:
    """A charger as the figures see it."""

    def __init__(self, number):
        self.identity = f"CP{number:04}"
        self.failure = None
        self.process = None
        self.last_line = f"line {number}"
        self.status = {"uptime_ms": 1000 * number, "tick": {"max_gap_ms": 20}, "csms": {"connected": True}, "connectors": {"1": {
            "ocpp_status": "Charging", "offered_amps": 16, "drawn_amps": 15.5, "energy_wh": 1234}}}


@pytest.mark.parametrize(("values", "expected"), [
    (range(1, 101), {"median": 50.5, "p95": 95, "p99": 99, "max": 100}),
    (range(200, 0, -1), {"median": 100.5, "p95": 190, "p99": 198, "max": 200}),
    ([7], {"median": 7, "p95": 7, "p99": 7, "max": 7}),
    ([3, 1], {"median": 2, "p95": 3, "p99": 3, "max": 3}),
    ([], None),
])  # fmt: skip
def test_percentiles_are_those_of_the_nearest_rank(values, expected):
    assert percentiles(list(values)) == expected


@pytest.mark.parametrize(("values", "missing", "expected"), [
    (range(1, 18), 983, {"median": None, "p95": None, "p99": None, "max": None}),
    (range(1, 97), 4, {"median": 50.5, "p95": 95, "p99": None, "max": None}),
    ([1, 2], 2, {"median": None, "p95": None, "p99": None, "max": None}),
])  # fmt: skip
def test_percentiles_are_of_all_with_those_that_are_missing(values, missing, expected):
    assert percentiles(list(values), missing) == expected


@pytest.fixture
def figures():
    """Of five chargers, of which three have a link; two are back at once and one 3 s after an outage."""
    made = Figures([Unit(number) for number in range(1, 6)])
    for number, own_ms in ((1, 10_200), (2, 10_900), (3, 13_000)):
        made.connected(f"CP{number:04}", 300)
        made.outage_over(f"CP{number:04}", 10_000)
        made.connected(f"CP{number:04}", own_ms)
        made.connected(f"CP{number:04}", own_ms + 9000)  # a later link does not count
    return made


def test_returns_are_counted_by_the_second_of_the_chargers_own_time(figures):
    found = figures.summary(None)
    assert found["connected"] == 3 and found["failed"] == ["CP0004: never connected", "CP0005: never connected"]
    assert found["back_after_an_outage_s"] == {"median": 0.9, "p95": 3, "p99": 3, "max": 3}
    assert found["back_histogram"] == {"0": 2, "3": 1}
    figures.back_s["CP0004"] = 24.5
    assert figures.summary(None)["back_histogram"] == {"0": 3, "20": 1}, "by 5 s where it takes longer"


def test_a_summary_says_how_many_are_back_and_gives_no_percentiles_of_the_others(figures, capsys):
    for number in (4, 5):
        figures.outage_over(f"CP{number:04}", 10_000)
    assert fleet_report.progress(figures) == "3 of 5 chargers have connected, 3 of 5 are back after the outage"
    found = figures.summary(None)
    assert (found["back"], found["not_back"]) == (3, ["CP0004", "CP0005"])
    assert found["back_after_an_outage_s"] == {"median": 3, "p95": None, "p99": None, "max": None}
    fleet_report.show(found)
    printed = capsys.readouterr().out
    assert "Back when the watch ended         3 of 5\n" in printed and "  CP0005: not back\n" in printed
    assert "Back after an outage within       median 3.0, p95 -, p99 -, max - s\n" in printed


def a_fleet(tmp_path, *words):
    given = fleet._parser().parse_args(["3", *words])
    return fleet.Fleet(given, ["--csms", "ws://127.0.0.1:9"], None, tmp_path)


@pytest.mark.parametrize(("own_ms_a_look", "pauses", "back"), [
    (1500, 1, ()), (100, 29, ()), (0, 31, ()), (100, 5, ("CP0001", "CP0002", "CP0003"))])
def test_the_watch_lasts_by_the_chargers_own_time(own_ms_a_look, pauses, back, monkeypatch, tmp_path):
    """A pause takes 4 s of this machine's here: after 120 s in which the time of half as fast chargers stands still it ends."""
    many = a_fleet(tmp_path, "--storm", "--storm-seconds", "3", "--time-scale", "0.5")
    now, slept = [0.0], []

    async def poll(charger):
        charger.status = {"uptime_ms": charger.status["uptime_ms"] + own_ms_a_look, "tick": {"max_gap_ms": 20}}

    async def sleep(_):
        now[0] += 4
        slept.append(now[0])
        assert len(slept) < 100, "it goes on for ever"
        if len(slept) == 5:
            for identity in back:
                many.figures.connected(identity, 50_000)

    for charger in many.chargers:
        charger.status = {"uptime_ms": 10_000}
        many.figures.outage_over(charger.identity, 10_000)
        charger.poll = functools.partial(poll, charger)
    monkeypatch.setattr(fleet, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(fleet, "asyncio", types.SimpleNamespace(sleep=sleep, gather=asyncio.gather))
    asyncio.run(many.until_back())
    assert len(slept) == pauses


def test_a_charger_that_is_not_back_is_exit_code_1(monkeypatch, tmp_path, capsys):
    async def run(many, _):
        for charger in many.chargers:
            many.figures.connected(charger.identity, 1)
            many.figures.outage_over(charger.identity, 1000)
        many.figures.connected("CP0001", 2000)

    monkeypatch.setattr(fleet, "run", run)
    words = ["--csms", "ws://127.0.0.1:9", "--state-dir", str(tmp_path)]
    assert fleet.main(["1", *words]) == 0
    assert fleet.main(["2", *words]) == 1 and "1 of 2" in capsys.readouterr().out


def test_where_the_output_is_no_terminal_a_line_is_printed_again_and_again(figures, monkeypatch, capsys):
    slept = []

    async def sleep(seconds):
        if len(slept) == 3:
            raise asyncio.CancelledError
        slept.append(seconds)

    monkeypatch.setattr(fleet, "time", types.SimpleNamespace(monotonic=lambda: figures.begun + sum(slept)))
    monkeypatch.setattr(fleet, "asyncio", types.SimpleNamespace(sleep=sleep))
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(fleet._tell(figures))
    told = "3 of 5 chargers have connected, 3 of 3 are back after the outage"
    assert capsys.readouterr().out.splitlines() == [f"   {seconds} s: {told}" for seconds in (10, 20, 30)]


def test_the_picture_has_a_bar_for_each_second_as_high_as_its_count(figures, tmp_path):
    histogram_png(figures, tmp_path / "storm.png")
    with Image.open(tmp_path / "storm.png") as picture:
        wide = (picture.width - 2 * 50) / 4  # of a second: 0 to 3
        middles = [int(50 + wide * (second + 0.5)) for second in range(4)]
        bars = [sum(picture.getpixel((x, y)) == (0x2B, 0x6C, 0xB0) for y in range(picture.height)) for x in middles]
    assert bars[0] > 200 and bars[1] == bars[2] == 0 and abs(bars[3] - bars[0] / 2) <= 1


def test_the_table_of_a_terminal_has_progress_and_a_row_for_each_charger(figures):
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(fleet_report.table(figures))
    text = console.export_text()
    assert "3 of 5 chargers have connected" in text and "━" in text
    [row] = [line for line in text.splitlines() if "CP0002" in line]
    for part in ("online", "Charging", "16 A", "15.5 A", "1234 Wh", "line 2"):
        assert part in row


def test_the_pace_is_the_chargers_time_by_this_machines(figures, monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(fleet_report, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(fleet_report, "cpu_seconds", lambda _: now[0] / 2)
    figures.begin_run()
    now[0] += 10
    for one in figures.chargers:
        one.status = one.status | {"uptime_ms": one.status["uptime_ms"] + 5000}
    figures.end_run()
    now[0] += 5
    figures.end_run()  # an outage's time does not count
    assert figures.work == {"processor_s": 5, "chargers_s": 25, "seconds": 10, "pace": 0.5, "chargers_a_core": 5}
    fleet_report.show(figures.summary(None))
    assert "Pace                              0.50 of real time, over 10 s" in capsys.readouterr().out


@pytest.mark.parametrize(("spread", "pauses"), [(10, [1.5] * 5), (2.5, [0] * 5), (0, [0] * 5)])
def test_the_starts_are_spread(spread, pauses, monkeypatch, tmp_path):
    """A start takes half a second here, which is part of its share."""
    now, slept = [0.0], []

    async def start():
        now[0] += 0.5

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(fleet, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    given = fleet._parser().parse_args(["5", "--spread", str(spread)])
    many = fleet.Fleet(given, ["--csms", "ws://127.0.0.1:9"], None, tmp_path)
    for charger in many.chargers:
        charger.start = start
    monkeypatch.setattr(fleet, "asyncio", types.SimpleNamespace(sleep=sleep))
    asyncio.run(many.start())
    assert slept == pauses


def test_a_summary_for_people_names_some_of_many_failures(capsys):
    fleet_report.show(Figures([Unit(number) for number in range(1, 1001)]).summary(None))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 22 and printed[1] == "  CP0001: never connected" and printed[-1] == "  and 980 more"


def test_a_link_is_taken_from_the_firmwares_log(tmp_path):
    given = fleet._parser().parse_args(["1"])
    many = fleet.Fleet(given, ["--csms", "ws://127.0.0.1:9"], None, tmp_path)
    [charger] = many.chargers
    for line in (b"0.336 I link: connecting to 127.0.0.1:9", b"5.001 I link: connection ended, x"):
        charger._log(line)
    assert not many.figures.booted_s
    many.figures.outage_over(charger.identity, 12_000)
    charger._log(b"17.345 I link: connected")
    assert many.figures.back_s == {"CP0001": 5.345}
