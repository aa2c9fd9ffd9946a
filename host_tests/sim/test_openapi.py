"""docs/openapi.json against the unit: every operation with what fits its schema and what does not (SEC-13)."""

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from backend.simulator import ROOT

from .test_web import PATHS, page_of

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
RESTARTS = ("/api/erase", "/api/reset")  # done rightly they restart the unit: test_web.py does that
SOAK = bool(os.environ.get("PILOTLIGHT_SOAK"))
EXAMPLES = 200 if SOAK else 5
REFUSALS = ["400", "401", "403", "404", "405", "409", "411", "413", "415", "429", "431"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})


@pytest.fixture
def unit(launch, csms):
    from .test_web import unit as make

    return make.__wrapped__(launch, csms)


def test_every_path_is_described():
    """And nothing is described that is not there."""
    described = {(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods}
    there = {(path, method) for path, methods in PATHS.items() for method in methods}
    assert described == there | {("/api/login", "POST"), ("/metrics", "GET")}


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_unit_answers_as_its_openapi_description_says(unit):
    """Statuses, content types and schemas of answers; wrong input is refused; nothing is a server's error."""
    sim = unit(lab=False)
    page = page_of(sim)
    page.put("/api/settings", SolarMode="surplus", StateWithoutPin=True)  # so that the answers have all their parts
    described = json.loads(json.dumps(DOCUMENT))
    for methods in described["paths"].values():
        for operation in methods.values():
            operation["security"] = []  # the session is ours to give: what happens without one, test_web.py shows
    schema = schemathesis.openapi.from_dict(described, config=CONFIG)
    schema.config.update(base_url=f"https://127.0.0.1:{page.port}")

    def ask(operation, mode):
        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=not SOAK, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case):
            answer = case.call(verify=False, timeout=30, cookies={"session": page.cookies["session"]},
                               headers={"X-CSRF-Token": page.csrf})
            asked.append(answer.status_code)
            case.validate_response(answer)

        each()

    asked = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in (*RESTARTS, "/api/logout"):
            continue
        ask(operation, GenerationMode.POSITIVE)
        if operation.body or operation.query:
            ask(operation, GenerationMode.NEGATIVE)
    assert len(asked) >= 10 * EXAMPLES and asked.count(200) > EXAMPLES and asked.count(400) > EXAMPLES
    assert sim.status()["boots"] == 1 and not [line for line in sim.log_lines() if "Traceback" in line]
