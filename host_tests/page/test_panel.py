"""The panel of `make demo ARGS=--stay`: chargers and back end driven from a browser, and nothing driven without its token."""

import contextlib
import http.client
import json
import types

import pytest
from panel.bench import Bench
from panel.server import TOKEN, Panel
from playwright.sync_api import expect

from backend import Csms, wait_until
from backend.simulator import Simulator

from .conftest import DESKTOP, PHONE, Visitor, chromium

TAG = "04A2B3C4D5E680"
WAIT_MS = 20000


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Two chargers at a local back end, and their panel: `csms`, `first`, `second`, `panel`, `url`."""
    folder = tmp_path_factory.mktemp("panel")
    with contextlib.ExitStack() as stack:
        csms = stack.enter_context(Csms(tags={TAG: "Accepted"}))
        chargers, shown = [], []
        for number in (1, 2):
            trace = folder / f"{number}.trace"
            charger = Simulator(folder / str(number), csms.url, f"PL-000{number}", options=["--trace", str(trace)])
            chargers.append(stack.enter_context(charger))
            shown.append((charger.identity, charger.port, trace))
        watched = Bench(csms, shown)
        stack.callback(watched.close)
        panel = stack.enter_context(contextlib.closing(Panel(watched)))
        for charger in chargers:
            charger.wait_ocpp_status("Available")
        yield types.SimpleNamespace(csms=csms, first=chargers[0], second=chargers[1], panel=panel,
                                    url=f"http://127.0.0.1:{panel.port}/")


@pytest.fixture(scope="module")
def browser(bench):
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser, bench):
    """visit(): a Visitor with the panel open."""
    visitors = []

    def start(**options):
        visitors.append(Visitor(browser, bench, **options))
        visitors[-1].page.goto(bench.panel.url)
        expect(visitors[-1].page).to_have_title("Simulator panel")
        expect(visitors[-1].page.locator("#status")).not_to_be_empty(timeout=WAIT_MS)
        return visitors[-1]

    yield start
    for visitor in visitors:
        visitor.context.close()
        assert not visitor.complaints


def _press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def _drawn(page, number):
    """Points of a chart's line: those of its canvas that have exactly the colour of the series."""
    return page.locator(".chart canvas").nth(number).evaluate("""(canvas, name) => {
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [canvas.width, canvas.height + 1];
        const drawn = copy.getContext("2d", { willReadFrequently: true });
        drawn.drawImage(canvas, 0, 0);
        const { data } = drawn.getImageData(0, 0, canvas.width, canvas.height);
        drawn.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        drawn.fillRect(0, canvas.height, 1, 1);
        const [r, g, b] = drawn.getImageData(0, canvas.height, 1, 1).data;
        let found = 0;
        for (let at = 0; at < data.length; at += 4) found += data[at] === r && data[at + 1] === g && data[at + 2] === b;
        return found;
    }""", ("--own", "--limit")[number])


def _status(page, name):
    expect(page.locator("#status")).to_have_text(name, timeout=WAIT_MS)


def test_a_session_is_driven_from_plug_in_to_remote_stop(visit, bench):
    """Plug, card, power, frames with latency, a charging current that the car takes, RemoteStop by the panel."""
    visitor = visit(viewport=DESKTOP)
    page = visitor.page
    _press(page, "Plug in")
    _status(page, "Preparing")
    _press(page, "Swipe")
    _status(page, "Charging")
    wait_until(lambda: int(page.locator("[data-figure=Power]").inner_text().split()[0]) > 1000, 20, "power")
    expect(page.locator(".chart canvas")).to_have_count(2)
    for number, label in enumerate(("Chart of power, now ", "Chart of offered current, now ")):
        wait_until(lambda at=number: _drawn(page, at) > 20, 20, f"a line in chart {number}")
        assert page.locator(".chart").nth(number).get_attribute("aria-label").startswith(label)
    page.locator("#amps").fill("8")
    _press(page, "Set car")
    bench.first.wait_connector(lambda c: 0 < c["drawn_amps"] < 8.5)
    start = page.locator(".frames tr").filter(has_text="StartTransaction").filter(has_text="CALLRESULT")
    expect(start).to_contain_text(" ms", timeout=WAIT_MS)
    visitor.shot("panel-desktop-light")
    expect(page.locator("#payload")).to_have_value(f'{{\n  "transactionId": {bench.first.connector()["transaction_id"]}\n}}')
    _press(page, "Send")
    expect(page.locator("#answer")).to_contain_text("Accepted", timeout=WAIT_MS)
    _status(page, "Finishing")
    assert wait_until(bench.csms.ledger.closed, 20, "the StopTransaction")[0].reason == "Remote"
    _press(page, "Plug out")
    _status(page, "Available")


def test_a_fault_is_raised_and_cleared_on_the_charger_that_is_chosen(visit, bench):
    page = visit().page
    page.get_by_role("button", name="PL-0002").click()
    expect(page.get_by_role("button", name="PL-0002")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_have_text("Available", timeout=WAIT_MS)
    page.locator("#fault").select_option("OtherError")
    _press(page, "Raise")
    _status(page, "Faulted")
    assert bench.first.connector()["ocpp_status"] == "Available" and bench.second.connector()["faults"] == ["OtherError"]
    _press(page, "Clear OtherError")
    _status(page, "Available")


def test_a_charger_without_power_is_shown_so_until_it_is_back(visit, bench):
    visitor = visit(viewport=DESKTOP, color_scheme="dark")
    page = visitor.page
    away = page.get_by_text("The charger restarts or has no power.")
    page.locator("#seconds").fill("5")
    _press(page, "Cut power")
    expect(away).to_be_visible(timeout=WAIT_MS)
    visitor.shot("panel-desktop-dark")
    expect(away).to_be_hidden(timeout=WAIT_MS)
    _status(page, "Available")
    assert bench.first.status()["boots"] == 2


def test_the_mains_lose_phases_and_voltage(visit):
    page = visit().page
    for volts, phases in (("220", "1"), ("230", "3")):
        page.locator("#volts").fill(volts)
        page.locator("#mains-phases").select_option(phases)
        with page.expect_response("**/api/command") as answer:
            _press(page, "Set mains")
        assert answer.value.ok
        assert answer.value.request.post_data_json["words"] == ["mains", f"volts={volts}", f"phases={phases}"]


def test_bad_input_is_told_and_sent_nowhere(visit, bench):
    page = visit().page
    mark = len(bench.csms.record)
    page.locator("#action").select_option("Reset")
    for payload, words in (('{"type": "Warm"}', "'Warm' is not one of"), ("{", "The payload is no JSON")):
        page.locator("#payload").fill(payload)
        _press(page, "Send")
        expect(page.locator("#error")).to_contain_text(words)
    page.locator("#amps").fill("")
    _press(page, "Set car")
    expect(page.locator("#error")).to_contain_text("max_amps must be a number")
    assert not [message for message in bench.csms.record.messages(since=mark) if message.action == "Reset"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_fits_a_phone_and_a_screen_reader(visit, scheme):
    visitor = visit(color_scheme=scheme, viewport=PHONE)
    visitor.page.locator(".frames tbody tr").first.wait_for()
    visitor.shot(f"panel-phone-{scheme}")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.check_access()


def _ask(bench, method, path, body=None, **headers):
    """(status, headers, text) of one request; a header that is None is left out."""
    sent = {TOKEN: bench.panel.token, "Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bench.panel.port, timeout=20)) as connection:
        connection.request(method, path, data, {name: value for name, value in sent.items() if value is not None})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


PLUG = {"charger": "PL-0001", "words": ["plug_in"]}
CALL = {"charger": "PL-0001", "action": "Reset", "payload": {"type": "Hard"}}


@pytest.mark.parametrize(("status", "path", "body", "headers"), [
    (403, "/api/command", PLUG, {"X_Panel_Token": None}),
    (403, "/api/command", PLUG, {"X_Panel_Token": "wrong"}),
    (403, "/api/call", CALL, {"X_Panel_Token": None}),
    (403, "/api/command", PLUG, {"Origin": "http://example.org"}),
    (421, "/api/command", PLUG, {"Host": "example.org"}),
    (415, "/api/command", PLUG, {"Content_Type": "text/plain"}),
    (413, "/api/command", b" " * 65537, {}),
    (411, "/api/command", PLUG, {"Content_Length": "-1"}),
    (400, "/api/command", b"{", {}),
    (400, "/api/command", b"\xff", {}),
    (400, "/api/command", b"[" * 60000, {}),
    (400, "/api/command", [], {}),
    (400, "/api/command", {"charger": "PL-0001"}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": []}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": ["plug_in", 1]}, {}),
    (400, "/api/command", {"charger": 1, "words": ["plug_in"]}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": ["erase", "all"]}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": ["plug_in", "connector=one"]}, {}),
    (404, "/api/command", {"charger": "PL-9999", "words": ["plug_in"]}, {}),
    (409, "/api/command", {"charger": "PL-0001", "words": ["plug_in", "connector=7"]}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": ["ev", "max_amps=nan"]}, {}),
    (400, "/api/command", {"charger": "PL-0001", "words": ["swipe"]}, {}),
    (400, "/api/call", {**CALL, "payload": {"type": "Warm"}}, {}),
    (400, "/api/call", {**CALL, "payload": None}, {}),
    (400, "/api/call", {**CALL, "action": "StatusNotification"}, {}),
    (404, "/api/call", {**CALL, "charger": "PL-9999"}, {}),
    (404, "/api/nothing", PLUG, {}),
    (405, "/api/state", {}, {}),
])  # fmt: skip
def test_a_request_that_is_not_right_is_refused_with_a_sentence(bench, status, path, body, headers):
    before = bench.first.connector()["car"], bench.first.status()["boots"]
    answer, _, text = _ask(bench, "POST", path, body, **headers)
    assert answer == status, text
    assert json.loads(text)["error"].endswith(".")
    assert (bench.first.connector()["car"], bench.first.status()["boots"]) == before == ("absent", before[1])


def test_reading_needs_the_token_as_well_and_other_methods_are_refused(bench):
    for path in ("/api/state", "/api/calls"):
        assert _ask(bench, "GET", path, X_Panel_Token=None)[0] == 403
        assert _ask(bench, "GET", path)[0] == 200
    assert _ask(bench, "GET", "/api/state?frame=x")[0] == 400
    assert _ask(bench, "GET", "/api/state?charger=PL-9999")[0] == 404
    assert _ask(bench, "GET", "/api/command")[0] == 405
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert _ask(bench, method, "/api/state")[0] == 405


def test_the_page_may_be_shown_by_no_other_site_and_runs_no_other_script(bench):
    status, headers, text = _ask(bench, "GET", "/", X_Panel_Token=None)
    assert status == 200 and bench.panel.token not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert _ask(bench, "GET", "/", Host=f"example.org:{bench.panel.port}")[0] == 421
