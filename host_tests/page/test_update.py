"""An update as its owner sees it, at a charger that installs it in truth: offered, loaded, restarted, with a page of its own."""

import datetime
import hashlib
import json
import re
from pathlib import Path
from unittest import mock

import bundle
import pytest
import romfs
from playwright.sync_api import expect
from web_page import build

from sim.update_rig import maker, resigned  # noqa: F401 - a fixture
from sim.update_server import serving

VERSION, SCRIPT = "0.3.0", "/app-ofthenewpage.js"
RESTART_MS = 60000


def newer_page():
    """The module of a page whose script has another name, as each page of other sources has."""
    made = build.files()
    [script] = [path for path in made if path.startswith("/app-")]
    changed = {SCRIPT if path == script else path: (kind, data.replace(script.encode(), SCRIPT.encode()))
               for path, (kind, data) in made.items()}
    with mock.patch.object(build, "files", return_value=changed):
        return build.module("a test")


@pytest.fixture(scope="module")
def charger_options(tmp_path_factory, maker):  # noqa: F811
    """A unit that asks a server of updates, which offers a newer firmware with another page."""
    folder = tmp_path_factory.mktemp("site")
    version = (romfs.ROOT / "firmware/charger/version.py").read_text()
    texts = {"version.py": version.replace('VERSION = "0.1.0"', f'VERSION = "{VERSION}"'),
             "local_api/page_assets.py": newer_page()}
    image = romfs.build(folder / "new.romfs", {Path("charger") / place: text for place, text in texts.items()}).read_bytes()
    image = bundle.sim_image(image, VERSION, 2)
    content = bundle.join(bundle.split(maker())[0], b"x", image)
    content = resigned(maker, content, size=len(image), sha256=hashlib.sha256(image).hexdigest())
    with serving(folder) as (server, root):
        release = {"board": "SIM", "version": VERSION, "counter": 2, "min_hardware": 1, "size": len(content),
                   "url": server.put("/new", content)}
        notice = server.put("/notice", json.dumps({"format": 1, "releases": [release]}).encode())
        yield {"utc": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}", "options": [
            "--update-key", str(maker.keys / "update.pub.pem"), "--update-ca", str(root), "--update-host", "127.0.0.1",
            "--update-url", notice]}


def test_the_owner_installs_an_update_and_its_page_comes_with_it(visit, charger):
    """SEC-5, SEC-7: not in a session; the open page says so, and is that of the new firmware after the next login."""
    visitor = visit()
    page = visitor.page
    visitor.open("charge")
    charger.plug_in()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Charging")
    page.get_by_role("link", name="Charger", exact=True).click()
    update = page.get_by_role("region", name="Update")
    expect(update.locator(".fact").filter(has_text="On offer")).to_contain_text(VERSION)
    update.get_by_role("button", name="Install").click()
    expect(page.get_by_text("The update is installed once nobody charges.")).to_be_visible()
    expect(update.get_by_role("progressbar")).to_have_attribute("value", re.compile(r"^\d+$"))
    expect(update).to_contain_text(re.compile(rf"{re.escape(VERSION)}: \d+ %"))
    charger.set_time_scale(20)  # half a MiB at the pace of the flash
    charger.let_pass(30)
    assert charger.connector()["session_s"] > 30 and charger.status()["boots"] == 1, "a session is not cut off"
    charger.plug_out()
    charger.wait_for(lambda status: status.get("boots") == 2 and not status.get("starting"), 90, what="the restart")
    charger.set_time_scale(1)
    expect(page.get_by_text("The session has ended. Log in again.")).to_be_visible(timeout=RESTART_MS)
    with page.expect_event("load"):
        visitor.login()
    about = page.get_by_role("region", name="This charger")
    expect(about).to_contain_text(VERSION)
    expect(update.locator(".fact").filter(has_text="On offer")).to_contain_text("none")
    assert page.evaluate("document.scripts[0].getAttribute('src')") == SCRIPT
    expect(update).not_to_contain_text("failed")
