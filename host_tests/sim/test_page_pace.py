"""The page at a chip's own pace: what it costs the unit, while a car charges and over a slow link."""

import re

from backend.page import Page
from backend.simulator import free_port
from sim.provisioned_units import labels

from .sessions import start_session
from .test_board_time import SCALE, at_pace, never_late
from .test_page_files import decompressed


def test_the_page_is_loaded_while_a_car_charges_and_no_tick_is_late(launch, csms):
    """All files and the live status over the connection that is open; in the flash they take no heap."""
    sim = at_pace(launch, word=32, time_scale=1, options=["--web", f"127.0.0.1:{free_port()}"])
    csms.wait_booted(100)
    with Page(sim.wait_for(lambda s: s["web"]["port"], what="the page's port"), keep=True) as page:
        assert page.login(labels(sim)[0]["pin"]).status == 200
        sim.set_time_scale(SCALE)
        start_session(sim, csms)
        sim.set_time_scale(1)
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
