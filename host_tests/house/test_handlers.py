"""Every handler of input from outside has its worst input in the table that is measured (tools/target/bare/worst_inputs.py)."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHARGER = ROOT / "firmware" / "charger"
sys.path.insert(0, str(ROOT / "tools" / "target" / "bare"))

import worst_bytes  # noqa: E402
import worst_inputs  # noqa: E402

MESSAGE = 24576


def constant(file, name):
    """The value of a module's constant."""
    for node in ast.parse((CHARGER / file).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{file} has no {name}")


def test_every_action_of_the_back_end_has_its_worst_input():
    assert set(constant("ocpp/v16/actions/__init__.py", "ACTIONS")) == set(worst_inputs.OCPP)


def test_every_path_of_the_local_api_has_its_worst_input():
    routes = constant("local_api/routes.py", "_ROUTES")
    paths = {(method, path) for path, methods in routes.items() for method in methods}
    assert paths | {("GET", "/metrics"), ("GET", "/")} == set(worst_inputs.API)
    assert constant("local_api/server.py", "_METRICS") == "/metrics"


def test_every_command_by_mqtt_has_its_worst_input():
    offered = set(constant("mqtt_client/command_handler.py", "_OFFERED"))
    assert offered | {"hello", "login", "logout"} == set(worst_inputs.MQTT)


def test_the_worst_inputs_are_nearly_as_long_as_a_message_may_be():
    """None is longer, or it would be refused before any handler, and the greatest are over nine tenths of it."""
    longest = max(len(make().encode()) for make in worst_inputs.FRAMES.values())
    assert 0.9 * MESSAGE < longest <= MESSAGE
    for payloads in worst_inputs.OCPP.values():
        for payload in payloads:
            made = payload() if callable(payload) else payload
            text = made if isinstance(made, str) else worst_inputs.json.dumps(made, separators=(",", ":"), ensure_ascii=False)
            assert len(text.encode()) < MESSAGE - 60


def callers(folders, *methods):
    """Files of the firmware in these folders that call one of these methods of anything."""
    found = set()
    for folder in folders:
        for path in (CHARGER / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                    found.add(str(path.relative_to(CHARGER)))
    return found


def test_every_module_that_reads_from_the_network_has_its_worst_bytes():
    """Set-up network, names, time, answers of servers, the broker: with those that are measured by their messages."""
    readers = callers(("net", "local_api", "mqtt_client"), "recv", "recvfrom", "readinto", "readexactly")
    assert readers <= set(worst_bytes.NETWORK) | set(worst_bytes.ELSEWHERE)
    for name in [*worst_bytes.NETWORK, *worst_bytes.ELSEWHERE, *worst_bytes.FILES]:
        assert (CHARGER / name).exists()


def test_every_module_that_reads_a_json_file_has_its_longest_one():
    assert callers(("",), "read_json") - {"store/files.py"} == set(worst_bytes.FILES)


def test_the_worst_bytes_are_as_long_as_they_may_be():
    assert len(worst_bytes.dns_query()) == 511 and 480 < len(worst_bytes.dns_answer()) <= 512
    assert 8000 < len(worst_bytes.releases()) <= 8192
