"""The jig's firmware on simulated pins: its switches make the car's resistances at a pilot circuit, its inputs measure it."""

import json
import sys

import machine  # noqa: F401 - from here, since nested imports take the 32-bit interpreter's stack
from check import equal, near, raises, true
from jig_wires import Io, Wires

sys.path.append("tools/hil/jig")
import jig


def rig():
    wires = Wires(jig)
    return wires, jig.Jig(Io(wires))


def test_no_car_at_the_start():
    wires, one = rig()
    seen = one.measure()
    near(seen["high_mv"], 12000, 300)
    equal((seen["low_mv"], seen["duty_permille"], seen["live"]), (seen["high_mv"], 1000, False))
    true(not any(wires.levels.values()), "an output is closed")


def test_states_give_their_levels():
    wires, one = rig()
    wires.duty_permille = 500
    for command, high_mv in ((one.plug_in_idle, 9000), (one.plug_in, 6000), (one.ventilation, 3000), (one.pause, 9000),
                             (one.resume, 6000), (one.plug_out, 12000)):  # fmt: skip
        command()
        seen = one.measure()
        near(seen["high_mv"], high_mv, 350, str(command))
        near(seen["low_mv"], -12000, 300, str(command))
        equal(seen["duty_permille"], 500)


def test_duty_is_measured_at_each_offer():
    wires, one = rig()
    for duty in (100, 267, 533, 850):
        wires.duty_permille = duty
        equal(one.measure()["duty_permille"], duty)
    wires.duty_permille = 0
    near(one.measure()["high_mv"], -12000, 300)
    equal(one.measure()["duty_permille"], 0)


def test_a_short_duty_has_both_levels():
    wires, one = rig()
    one.plug_in()
    wires.duty_permille = 100
    seen = one.measure()
    near(seen["high_mv"], 6000, 350)
    near(seen["low_mv"], -12000, 300)


def test_missing_diode_and_short_show_at_the_levels():
    wires, one = rig()
    wires.duty_permille = 500
    one.plug_in()
    one.raise_fault("diode")
    near(one.measure()["low_mv"], -5600, 400)
    one.clear_fault("diode")
    near(one.measure()["low_mv"], -12000, 300)
    one.raise_fault("pilot_short")
    near(one.measure()["high_mv"], 1000, 300)


def test_mains_is_seen():
    wires, one = rig()
    wires.live = True
    equal(one.measure()["live"], True)


def test_plug_closes_the_cables_code_before_the_car_and_asks_last():
    wires, one = rig()
    one.cable(13)
    one.plug_in()
    order = [name for name, level in wires.changes if level]
    equal(order, ["pp_13", "car_b", "car_b", "car_c"])
    del wires.changes[:]
    one.plug_out()
    equal([name for name, level in wires.changes][:3], ["car_b", "car_c", "car_d"])
    true(not any(wires.levels.values()), "an output is closed")


def test_state_d_never_passes_through_more_load():
    wires, one = rig()
    one.plug_in()
    del wires.changes[:]
    one.ventilation()
    true(wires.changes.index(("car_c", 0)) < wires.changes.index(("car_d", 1)), "C and D at once")


def test_card_is_a_readers_frame():
    wires, one = rig()
    one.swipe("04A2B3C4")
    equal(wires.sent, b"\x0204A2B3C4\r\n\x03")
    for token in ("", "x" * 41, "a\n"):
        raises(ValueError, one.swipe, token)
    equal(len(wires.sent), 12)


def test_reset_is_let_go():
    wires, one = rig()
    one.reboot()
    equal(wires.changes, [("reset", 1), ("reset", 0)])


def test_answers_are_those_of_a_control_port():
    wires = Wires(jig)
    io = Io(wires)
    jig._jig = None
    equal(json.loads(jig.answer('{"cmd": "plug_in", "connector": 1}', io)), {"ok": True, "result": None})
    true(wires.closed("car_c"), "no car")
    equal(json.loads(jig.answer('{"cmd": "measure"}', io))["result"]["live"], False)
    for text in ('{"cmd": "mains"}', '{"cmd": "raise_fault", "name": "ntc_open"}', '{"cmd": "cable", "amps": 63}'):
        reply = json.loads(jig.answer(text, io))
        true(reply["not_playable"] and not reply["ok"], text)
    for text in ('{"cmd": "swipe", "token": ""}', '{"cmd": "swipe"}', '{"cmd": "plug_in", "volts": 3}'):
        reply = json.loads(jig.answer(text, io))
        true(not reply["ok"] and "not_playable" not in reply, text)
    jig._jig = None
