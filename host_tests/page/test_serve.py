"""`make page`: the page from its sources, against a charger, with a reload at each change."""

import shutil

import pytest
from playwright.sync_api import expect
from web_page import build, serve


@pytest.fixture
def server(charger, tmp_path, monkeypatch):
    """The server, over a copy of web/ that the test may change."""
    shutil.copytree(build.WEB, tmp_path / "web")
    monkeypatch.setattr(build, "WEB", tmp_path / "web")
    monkeypatch.setattr(serve.Handler, "files", serve.Files())
    started = serve.serve(0, ("127.0.0.1", charger.web))
    yield started
    started.shutdown()
    started.server_close()


def test_a_change_of_the_sources_is_shown_at_once(server, browser, charger, capfd):
    """The charger answers through the server; a change loads the page again; one that cannot be built keeps the old one."""
    page = browser.new_page(locale="en-GB")
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.locator("#pin").fill(charger.pin)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    table = build.WEB / "text.json"
    whole = table.read_text()
    table.write_text(whole.replace('"Bereit", ', ""))
    page.wait_for_load_state("load")
    page.locator(".state").wait_for()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    table.write_text(whole.replace('"state.Available": ["Ready"', '"state.Available": ["At your service"'))
    expect(page.get_by_role("heading", level=1)).to_have_text("At your service", timeout=15000)
    page.close()


def test_a_page_above_its_size_fails_the_build(monkeypatch):
    """80 KiB compressed are the most; what is made is the real page."""
    made = sum(len(data) for _, _, data in build.compressed().values())
    assert made <= build.MOST == 80 * 1024
    monkeypatch.setattr(build, "MOST", made - 1)
    with pytest.raises(build.PageError, match=f"has {made} bytes compressed, {made - 1} are the most"):
        build.compressed()


def test_a_text_that_is_missing_in_one_language_fails_the_build(tmp_path, monkeypatch):
    shutil.copytree(build.WEB, tmp_path / "web")
    monkeypatch.setattr(build, "WEB", tmp_path / "web")
    table = tmp_path / "web" / "text.json"
    whole = table.read_text()
    for broken, words in (
        (whole.replace('"Bereit", ', ""), "'state.Available' has 3 of 4 texts"),
        (whole.replace('"Bereit"', '""'), "'state.Available' has 3 of 4 texts"),
        (whole.replace('"Anschluss %"', '"Anschluss"'), "'connector' has a %"),
        (whole.replace('"start":', '"begins":'), "text.json has no start"),
        (whole.replace('"menu":', '"idle": ["a", "b", "c", "d"], "menu":'), "nothing shows: idle"),
        (whole.replace('"menu":', '"start": ["a", "b", "c", "d"], "menu":'), "a key twice: start"),
    ):
        table.write_text(broken)
        with pytest.raises(build.PageError, match=words):
            build.files()
