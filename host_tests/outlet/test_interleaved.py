"""The control tick at every inner point of what the asyncio loop does to an outlet: between statements and in expressions.

A copy of the firmware gets a call after each attribute and each call that the loop's functions evaluate; the call runs a
tick, at one point of an action or at all of them. A seeded fault in how loop and tick share state must be found.
"""

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mpy.interpreter import ROOT, binary, environment

HERE = Path(__file__).resolve().parent
ACTIONS = 400 if os.environ.get("PILOTLIGHT_SOAK") == "1" else 250
# Modules whose functions run in the loop; of those with a set the tick runs the rest.
LOOP_SIDE = {
    "clock.py": None,
    "outlet/limits.py": None,
    "outlet/connector.py": None,
    "outlet/connector_status.py": {"_unplugged_end", "_occupied", "_status_now", "_unattended_status", "_session_status", "_own",
                                   "_moment"},
    "outlet/pause_reasons.py": None,
    "outlet/outlet_readout.py": None,
    "outlet/derating.py": None,
    "outlet/outlet.py": {"withdraw", "emergency_open", "set_reader_failed", "set_tamper", "acknowledge"},
    "outlet/guards/__init__.py": {"can_clear"},
    "outlet/guards/base.py": {"is_present"},
    "metering/reading.py": None,
    "drivers/meters/meter_driver.py": None,
    "drivers/meters/atm90e32.py": None,
    "drivers/thermometer.py": None,
    "audit/tamper_watch.py": None,
}
SEEDED = {
    "limits in two steps": (
        "outlet/limits.py", "        self.decision = (low, safety, ruling, ",
        "        self.decision = (NO_LIMIT, NO_LIMIT, ruling, NO_LIMIT)\n        self.decision = (low, safety, ruling, ",
    ),
    "acknowledged by the loop": (
        "outlet/outlet.py", "        self._acknowledged = True\n",
        "        for guard in self.guards:\n            guard.release()\n",
    ),
    "clock moved by the tick": (
        "outlet/outlet.py", "        self.switch.step(dt_ms)\n", "        self.switch.step(dt_ms)\n        clock.advance()\n",
    ),
}


class Points(ast.NodeTransformer):
    """Puts _t_() around what the functions evaluate and between their statements."""

    def __init__(self, only):
        self._only = only

    def visit_FunctionDef(self, node):
        if self._only is None or node.name in self._only:
            node.body = self._block(node.body)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _block(self, statements):
        found = []
        for statement in statements:
            if not isinstance(statement, ast.Global):
                found.append(ast.parse("_t_(None)").body[0])
            found.append(_Inner().visit(statement))
        return found


class _Inner(ast.NodeTransformer):
    def generic_visit(self, node):
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                point = ast.parse("_t_(None)").body[0]
                setattr(node, name, [item for statement in block for item in (point, statement)])
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        return _point(node) if isinstance(node.ctx, ast.Load) else node

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute):  # the method itself is not fetched apart from its call
            node.func.value = self.visit(node.func.value)
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node if isinstance(node.func, ast.Name) and node.func.id in ("super", "const") else _point(node)

    def visit_AugAssign(self, node):
        """`a.b += c` loads, adds and stores: a tick may come in between."""
        if isinstance(node.target, ast.Subscript):
            return self.generic_visit(node)
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        return ast.Assign([node.target], ast.BinOp(_point(load), node.op, self.visit(node.value)), lineno=node.lineno)


def _point(expression):
    return ast.Call(ast.Name("_t_", ast.Load()), [expression], [])


def instrument(source, only):
    """The source of a module with a point wherever the tick may come."""
    tree = Points(only).visit(ast.parse(source))
    start = 1 if ast.get_docstring(tree) is not None else 0
    tree.body.insert(start, ast.parse("from interleave import _t_").body[0])
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def play(folder, seed, count, fault=None):
    """Play `count` actions on an instrumented copy of the firmware; its answer."""
    copy = folder / "firmware"
    shutil.copytree(ROOT / "firmware", copy, ignore=shutil.ignore_patterns("__pycache__"))
    if fault is not None:
        file, old, new = SEEDED[fault]
        text = (copy / "charger" / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{fault}: the text stands {text.count(old)} times in {file}"
        (copy / "charger" / file).write_text(text.replace(old, new), encoding="utf-8")
    for file, only in LOOP_SIDE.items():
        path = copy / "charger" / file
        path.write_text(instrument(path.read_text(encoding="utf-8"), only), encoding="utf-8")
    shutil.copy(HERE / "on_device.py", folder / "device_watch.py")
    for module in ("report_causes.py", "card_watch.py", "nominal.py"):
        shutil.copy(HERE / module, folder)
    done = subprocess.run(
        [str(binary(64)), "-X", "heapsize=16M", "host_tests/outlet/interleaved/on_device.py",
         str(seed), str(count)],
        env=environment(firmware=str(copy), folders=(str(folder), "host_tests/outlet/interleaved")),
        cwd=ROOT, capture_output=True, text=True, timeout=560, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.split("\n") if line.startswith("\x1e")]
    assert lines, f"the interpreter ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}"
    answer = json.loads(lines[0][1:])
    if "broken" in answer:
        answer["log"] = (done.stdout + done.stderr)[-2000:]
    return answer


@pytest.mark.parametrize("seed", [1, 2])
def test_a_tick_at_any_point_of_the_loop_keeps_every_invariant(tmp_path, seed):
    """Limits, measurements, acknowledgement, enclosure, heat, sessions and status, with ticks in the middle of each."""
    answer = play(tmp_path, seed, ACTIONS)
    assert "broken" not in answer, answer
    assert answer["between"] > 1000 and answer["operations"] > 4, answer


@pytest.mark.parametrize("fault", SEEDED)
def test_state_that_is_shared_in_two_steps_is_found(tmp_path, fault):
    """The test of the test: each of these faults breaks an invariant for one of the seeds."""
    for seed in range(1, 6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if "broken" in play(folder, seed, ACTIONS, fault):
            return
    raise AssertionError(f"not found: {fault}")
