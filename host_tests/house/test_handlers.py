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


def words_of(file):
    """The words of all enumerations that a module's checks name."""
    found = set()
    for node in ast.walk(ast.parse((CHARGER / file).read_text())):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.Tuple):
            kind, words = node.elts
            if isinstance(kind, ast.Constant) and kind.value == "enum":
                found |= {word.value for word in words.elts}
    return found


def given(rows):
    """All texts in some worst inputs, those of a query included."""
    if callable(rows):
        return given(rows())
    if isinstance(rows, dict):
        return given(list(rows.values()))
    if isinstance(rows, list | tuple):
        return {text for row in rows for text in given(row)}
    return {rows, rows.partition("=")[2]} if isinstance(rows, str) else set()


def test_every_word_of_an_enumeration_has_its_worst_input():
    """A kind, an action or a view that a handler knows is a handler of its own."""
    for folder, rows in (("commands", worst_inputs.API), ("ocpp/v16/actions", worst_inputs.OCPP)):
        known = given(rows)
        for path in sorted((CHARGER / folder).glob("*.py")):
            assert not words_of(f"{folder}/{path.name}") - known, path.name
    for name, file in (("TriggerMessage", "trigger_message.py"), ("ExtendedTriggerMessage", "extended_trigger_message.py")):
        nodes = ast.walk(ast.parse((CHARGER / "ocpp/v16/actions" / file).read_text()))
        compared = [part for node in nodes if isinstance(node, ast.Compare) for part in ast.walk(node)]
        words = {part.value for part in compared if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        assert words and not words - given(worst_inputs.OCPP[name]), name


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
    folders = ("net", "local_api", "mqtt_client", "syslog_client")
    readers = callers(folders, "recv", "recvfrom", "readinto", "readexactly", "StreamReader")
    assert "net/improv.py" in readers, "the serial line of the set-up"
    assert readers <= set(worst_bytes.NETWORK) | set(worst_bytes.ELSEWHERE)
    for name in [*worst_bytes.NETWORK, *worst_bytes.ELSEWHERE, *worst_bytes.FILES]:
        assert (CHARGER / name).exists()


def test_an_esp32_at_its_pace_gets_a_worst_input_of_every_action_and_path():
    """But of those that end the session or restart the unit; the list of these names nothing that does not exist."""
    tree = ast.parse((ROOT / "host_tests" / "sim" / "test_worst_inputs.py").read_text())
    left_out = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body
                if isinstance(node, ast.Assign) and node.targets[0].id in ("ENDS_THE_SESSION", "NOT_ASKED", "FEW")}
    assert set(left_out["ENDS_THE_SESSION"]) | set(left_out["FEW"]) <= set(worst_inputs.OCPP)
    assert {f"/api/{name}" for name in left_out["NOT_ASKED"]} <= {path for _, path in worst_inputs.API}
    assert len(left_out["ENDS_THE_SESSION"]) == 7 and len(left_out["NOT_ASKED"]) == 8


def test_every_module_that_reads_a_json_file_has_its_longest_one():
    by_lines = {"ocpp/v16/services/smart_charging.py"}  # parses its file line by line
    assert (callers(("",), "read_json") | by_lines) - {"store/files.py"} == set(worst_bytes.FILES)


def test_every_json_file_is_read_with_a_wrong_value_in_each_field():
    """A row of unit/test_odd_files.py or of unit/test_odd_update_files.py that names the file."""
    tried = set()
    for name in ("test_odd_files.py", "test_odd_update_files.py"):
        for node in ast.walk(ast.parse((ROOT / "host_tests" / "unit" / name).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                tried.add("".join(letter for letter in node.value if not letter.isdigit()))
    files = {file for file, _ in worst_bytes.FILES.values()} | set(constant_keys("store/json_schemas.py", "_SHAPES"))
    assert not {"".join(letter for letter in name if not letter.isdigit()) for name in files} - tried


def constant_keys(file, name):
    """The keys of a module's dictionary."""
    [found] = [node.value for node in ast.parse((CHARGER / file).read_text()).body
               if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name]
    return [key.value for key in found.keys]


def test_the_worst_bytes_are_as_long_as_they_may_be():
    assert len(worst_bytes.dns_query()) == 511 and 480 < len(worst_bytes.dns_answer()) <= 512
    assert 8000 < len(worst_bytes.releases()) <= 8192
