"""Programs at home with a token of the owner's: the local API without a PIN, and evcc with the template of docs/evcc.yaml."""

import json
import re

import jinja2
import yaml

from backend.simulator import ROOT
from backend.waiting import wait_until

from .test_web import page_of, refused
from .test_web import unit as unit


class Program:
    """A client that knows a token, and neither a PIN nor a cookie."""

    def __init__(self, sim, token):
        self.page = page_of(sim, None)
        self.headers = {"Authorization": "Bearer " + token}

    def request(self, method, path, body=None):
        """The answer."""
        return self.page.request(method, path, body, headers=self.headers)


def test_a_token_opens_what_it_names_until_it_is_revoked(unit, word):
    """Without cookie and CSRF token; over a restart; refused and logged once it is wrong; erased with the personal data."""
    sim = unit(word=word)
    owner = page_of(sim, keep=True)
    made = owner.request("POST", "/api/tokens", {"action": "make", "name": "script", "rights": ["charge", "status"]})
    program = Program(sim, made.json["token"])
    assert program.request("GET", "/api/status").json["connectors"]["1"]["id_tag"] is None
    assert program.request("POST", "/api/charge", {"action": "limit", "amps": 7.5}).status == 200
    assert sim.connector(1)["limit_amps"] == 7.5
    for method, path, body in (
        ("GET", "/api/history", None), ("GET", "/api/settings", None), ("PUT", "/api/settings", {"ConnectionTimeOut": 60}),
        ("GET", "/api/log", None), ("GET", "/api/tokens", None), ("POST", "/api/erase", {}),
        ("PUT", "/api/hours", {"choice": "remove"}),
        ("POST", "/api/pin", {"current": sim.pin, "pin": "40718256"}),
    ):  # fmt: skip
        refused(program.request(method, path, body), 403, "he client may not")
    for path in ("/api/session", "/api/logout"):
        refused(program.request("GET" if path == "/api/session" else "POST", path, None if path == "/api/session" else {}), 404)
    refused(Program(sim, "0" * 32).request("GET", "/api/status"), 401, "token")
    program.page.close()
    owner.close()
    sim.restart()
    program.page = page_of(sim, None)
    assert program.request("GET", "/api/status").status == 200
    owner = page_of(sim)
    log = [(entry["event"], entry["info"]) for entry in owner.get("/api/log?count=20")["entries"]]
    assert ("TokenRefused", "page") in log
    assert ("ReconfigurationOfSecurityParameters", "token made: status charge, by owner, page") in log
    assert "script" not in str(log)
    owner.post("/api/tokens", action="remove", name="script")
    refused(program.request("GET", "/api/status"), 401, "token")
    owner.post("/api/tokens", action="make", name="personal", rights=["status"])
    owner.post("/api/erase")
    sim.wait_for(lambda s: s.get("boots", 0) > 2 and s["web"]["port"], 60, "the start after the erasure")
    assert page_of(sim).get("/api/tokens")["tokens"] == []


# --- evcc ---


def read(expression, value):
    """The part of jq's language that the template has: a path, then `| not` or `// 0`."""
    path, _, rest = expression.partition(" ")
    for name in re.findall(r'\."?(\w+)"?', path):
        value = value[name]
    return {"": value, "| not": not value, "// 0": value or 0}[rest]


class Evcc:
    """evcc's plugin http: reads by a path, writes a body that is a template."""

    def __init__(self, page, token):
        text = (ROOT / "docs" / "evcc.yaml").read_text(encoding="utf-8")
        [self.charger] = yaml.safe_load(text.replace("TOKEN", token))["chargers"]
        self.page = page

    def _ask(self, name, body=None):
        plugin = self.charger[name]
        assert plugin["source"] == "http" and plugin["uri"].startswith("https://CHARGER/")
        path = plugin["uri"].removeprefix("https://CHARGER")
        headers = dict(plugin["headers"])
        assert headers.pop("content-type", None) == (None if body is None else "application/json")  # which Page sends by itself
        answer = self.page.request(plugin.get("method", "GET"), path, body, headers=headers)
        assert answer.status == 200, answer
        return answer.json

    def get(self, name):
        """A value that evcc reads."""
        plugin = self.charger[name]
        value = read(plugin["jq"], self._ask(name))
        return value * plugin["scale"] if "scale" in plugin else value

    def put(self, name, value):
        """A value that evcc writes, formatted by Go's templates: of the same form as Jinja's here."""
        body = self.charger[name]["body"].replace("{{if .enable}}", "{% if enable %}").replace("{{else}}", "{% else %}")
        body = body.replace("{{end}}", "{% endif %}").replace("{{.", "{{ ")
        self._ask(name, json.loads(jinja2.Template(body).render({name: value})))


def test_evcc_charges_with_the_template_of_the_documents(unit):
    """As evcc does: paused before the car comes, released, limited, paused with the car there; status as it understands it."""
    sim = unit(settings={"FreeVend": True, "FreeVendIdTag": "GOOD0001"}, time_scale=5)
    owner = page_of(sim)
    token = owner.post("/api/tokens", action="make", name="evcc", rights=["status", "charge"])["token"]
    owner.close()
    evcc = Evcc(page_of(sim, None, keep=True), token)
    assert evcc.get("status")[0] == "A" and evcc.get("enabled") is True and evcc.get("power") == 0
    evcc.put("enable", False)
    assert evcc.get("enabled") is False
    sim.plug_in(1)
    sim.wait_connector(lambda c: "pause" in c["reason"])
    assert evcc.get("status") in ("B1", "B2", "C1")  # which evcc takes for B
    evcc.put("maxcurrent", 8)
    evcc.put("enable", True)
    sim.wait_ocpp_status("Charging")
    assert (evcc.get("status"), evcc.get("enabled"), sim.connector(1)["offered_amps"]) == ("C2", True, 8.0)
    wait_until(lambda: evcc.get("power") > 1000, 30, "the power")
    wait_until(lambda: evcc.get("energy") > 0, 60, "the energy")
    evcc.put("enable", False)
    sim.wait_ocpp_status("SuspendedEVSE")
    wait_until(lambda: evcc.get("status") in ("B1", "B2", "C1"), 30, "the car waits")
    sim.plug_out(1)
    sim.wait_ocpp_status("Available")
    assert evcc.get("enabled") is True and evcc.get("status")[0] == "A"
