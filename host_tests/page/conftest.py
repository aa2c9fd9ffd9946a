"""One charger and one browser that trusts it a module: a test has a context of its own, which is a fresh browser profile.

What the browser complains of, and each request to another host, fails the test. Screenshots go to build/page/.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import expect, sync_playwright

from backend.simulator import ROOT, Simulator, free_port
from sim.provisioned_units import labels

expect.set_options(timeout=10000)  # as for what the browser is asked to do: the charger answers within a second, not the machine

PROGRAM = ROOT / ".toolchain" / "chromium"
AXE = ROOT / ".toolchain" / "web" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "build" / "page"
PICTURES = ("first-use-whole-phone", "hours-own-phone", "hours-waiting-phone", "open-phone", "charging-phone", "plan-phone",
            "card-list-phone", "house-phone", "tokens-phone", "invoice-phone", "panel-desktop-light")
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
# The browser reports each answer of an error as an error of its own: that the page handles them is what the tests look at.
OWN_ERRORS = re.compile(r"Failed to load resource: (the server responded with a status of|net::)")


@pytest.fixture(scope="module")
def charger_options():
    """The options of the module's charger beside its page."""
    return {}


@pytest.fixture(scope="module")
def charger(tmp_path_factory, charger_options):
    """A charger with its page, and `label` with all that it says, `pin`, `installer_pin` and `url`."""
    more = dict(charger_options)
    words = ["--web", f"127.0.0.1:{free_port()}", *more.pop("options", ())]
    utc = more.pop("utc", "2026-03-10T12:00:00Z")
    sim = Simulator(tmp_path_factory.mktemp("page") / "charger", options=words, **more)
    with sim:
        port = sim.wait_for(lambda s: s["web"]["port"], what="the page's port")
        sim.command("set_time", iso=utc)
        [label] = labels(sim)[:1]
        sim.web = port
        sim.label = label
        sim.pin, sim.installer_pin, sim.url = label["pin"], label["installer_pin"], f"https://127.0.0.1:{port}/"
        yield sim


def key_hash(port):
    """The charger's certificate in the form of --ignore-certificate-errors-spki-list."""
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@contextlib.contextmanager
def chromium(*words):
    """Debian's Chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(PROGRAM), args=["--no-sandbox", *words])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser(charger):
    """A browser with the charger's certificate as one that its person trusts."""
    with chromium(f"--ignore-certificate-errors-spki-list={key_hash(charger.web)}") as started:
        yield started


class Visitor:
    """A browser profile with one page: `page` is Playwright's. `asked` holds the requests, `complaints` what went wrong."""

    def __init__(self, browser, charger, state=None, viewport=None, **options):
        options.setdefault("locale", "en-GB")
        self.charger = charger
        self.context = browser.new_context(storage_state=state, viewport=viewport or PHONE, **options)
        self.context.set_default_timeout(10000)
        self.asked = []
        self.complaints = []
        self.context.on("request", self._request)
        self.page = self.tab()

    def _request(self, request):
        self.asked.append(request)
        if not request.url.startswith(self.charger.url) and not request.url.startswith(("data:", "blob:")):
            self.complaints.append(f"request to {request.url}")

    def _console(self, message):
        if message.type in ("error", "warning") and not OWN_ERRORS.match(message.text):
            self.complaints.append(message.text)

    def tab(self):
        """A further tab of the same profile."""
        page = self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def intercept(self, path, handler):
        """Give the page's requests to this path to handler(route); returns a function that lets the charger answer them again.

        The route stays: Page.unroute() switches the interception off, and Chromium then loses a request that is on its way.
        """
        handlers = [handler]

        def answer(route):
            handlers[-1](route)

        self.page.route(path, answer)
        return lambda: handlers.append(lambda route: route.continue_())

    def open(self, view="charge", page=None):
        """Show a view and wait until it is loaded."""
        page = page or self.page
        page.goto(f"{self.charger.url}#/{view}")
        page.locator(f"main[data-view={view}] h1").first.wait_for()
        page.locator("main p.loading").first.wait_for(state="hidden")

    def login(self, pin=None, role="owner"):
        """Log in on the page that is shown."""
        self.page.locator("#role").select_option(role)
        self.page.locator("#pin").fill(pin or self.charger.pin)
        self.page.locator(".login form button").click()

    def shot(self, name, part=None):
        """Keep a picture of the whole page, or of a locator's part; with PILOTLIGHT_PICTURES=1 those of docs/, too."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        window = self.page.viewport_size
        height = max(window["height"], self.page.evaluate("document.documentElement.scrollHeight"))
        self.page.set_viewport_size({"width": window["width"], "height": height})  # the menu stays at the end
        path = SHOTS / f"{name}.png"
        message = "visible => document.querySelectorAll('.told').forEach(e => { e.style.visibility = visible })"
        self.page.evaluate(message, "hidden")
        (part or self.page).screenshot(path=path)
        self.page.evaluate(message, "")
        self.page.set_viewport_size(window)
        if os.environ.get("PILOTLIGHT_PICTURES") and name in PICTURES:
            shutil.copy(path, ROOT / "docs" / "pictures" / path.name)

    def check_width(self):
        """Nothing is wider than the window, and the page ends with its content."""
        wide = self.page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => !e.closest('.hidden,.skip') && "
            "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))")
        assert not wide
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        end = self.page.evaluate("document.getElementById('app').getBoundingClientRect().bottom + scrollY")
        assert self.page.evaluate("document.documentElement.scrollHeight") <= max(end + 1, self.page.viewport_size["height"])

    def check_access(self):
        """axe-core finds nothing serious."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        assert not [f"{v['id']}: {v['nodes'][0]['html']} {v['nodes'][0]['failureSummary']}"
                    for v in found if v["impact"] in ("serious", "critical")]


@pytest.fixture(scope="module")
def sessions(browser, charger, tmp_path_factory):
    """sessions(role): the cookies of a login, made once a module."""
    kept = {}

    def state(role):
        if role not in kept:
            visitor = Visitor(browser, charger)
            visitor.page.goto(charger.url)
            visitor.login({"owner": charger.pin, "installer": charger.installer_pin}[role], role)
            visitor.page.locator("nav").wait_for()
            kept[role] = json.loads(json.dumps(visitor.context.storage_state()))
            visitor.context.close()
        return kept[role]

    return state


@pytest.fixture
def visit(browser, charger, sessions):
    """visit(role="owner"): a Visitor who is logged in (role None: who is not)."""
    visitors = []

    def start(role="owner", **options):
        visitors.append(Visitor(browser, charger, sessions(role) if role else None, **options))
        return visitors[-1]

    yield start
    for visitor in visitors:
        for page in visitor.context.pages:
            page.unroute_all(behavior="ignoreErrors")  # the page asks each second, also at the end of a test
        visitor.context.close()
        assert not visitor.complaints
