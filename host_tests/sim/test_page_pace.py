"""The page at a chip's own pace: what it costs the unit, while a car charges and over a slow link."""

import re
import statistics

from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels

from .sessions import start_session
from .test_board_time import SCALE, at_pace, never_late
from .test_page_files import decompressed

# Board time that a request may take; the settings are the longest answer: 30 values with the right to each.
MOST_MS = {"/api/status": 100, "/api/history": 100, "/api/log": 100, "/": 100, "/api/settings": 130}


def owner_beside_a_session(launch, csms, words=(), ready=lambda _: True, **options):
    """(charger at an ESP32's pace in which a car charges, the owner's page, logged in); ready(status) before the car comes."""
    sim = at_pace(launch, word=32, time_scale=1, options=["--web", f"127.0.0.1:{free_port()}", *words], **options)
    csms.wait_booted(100)
    page = Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"), keep=True)
    assert page.login(labels(sim)[0]["pin"]).status == 200
    sim.wait_for(ready, 60, "what has to be there before the session")
    sim.set_time_scale(SCALE)
    start_session(sim, csms)
    sim.set_time_scale(1)
    return sim, page


def test_the_page_is_loaded_while_a_car_charges_and_no_tick_is_late(launch, csms):
    """All files and the live status over the connection that is open; in the flash they take no heap."""
    sim, page = owner_beside_a_session(launch, csms)
    with page:
        page.get("/api/status")
        before = sim.command("status", collect=True)["heap"]["used"]
        text = decompressed(page.request("GET", "/").data).decode()
        script = decompressed(page.request("GET", *re.findall('src="(/[^"]+)"', text)).data).decode()
        for path in re.findall(r'"(/[a-z]{2}-[0-9a-f]{12}\.json)"', script):
            assert page.request("GET", path).status == 200
        assert sim.command("status", collect=True)["heap"]["used"] - before < 4096  # the files have 30 KiB
        for _ in range(5):
            page.get("/api/status")
        never_late(sim, handshakes=True)


def test_a_request_takes_a_tenth_of_a_second_of_board_time(launch, csms):
    """Median of nine. The clock runs at a tenth between them, so that a busy machine adds little to what the unit computes."""
    sim = at_pace(launch, word=32, time_scale=1, options=["--web", f"127.0.0.1:{free_port()}"])
    csms.wait_booted(100)

    def board_ms(action):
        before_ms = sim.status()["uptime_ms"]
        action()
        return sim.status()["uptime_ms"] - before_ms

    with Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"), keep=True) as page:
        assert page.login(labels(sim)[0]["pin"]).status == 200
        sim.set_time_scale(0.1)
        own_ms = statistics.median(board_ms(lambda: None) for _ in range(9))
        found = {
            path: statistics.median(board_ms(lambda path=path: page.request("GET", path)) for _ in range(9)) - own_ms
            for path in MOST_MS
        }
    assert {path: ms for path, ms in found.items() if ms > MOST_MS[path]} == {}, found
