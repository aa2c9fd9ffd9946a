"""Takes one safety check after the other out of a copy of the firmware and shows that the outlet's tests notice.

`python3 tools/mutate.py` prints a line a mutation and exits with 1 when a mutant survives, with 2 when a mutation no
longer fits the source or the tests could not be run. Only a test that fails counts: an interpreter that is killed, or
a copy that cannot be imported, proves nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simulator import compiled

ROOT = Path(__file__).resolve().parent.parent
OUTLET = "charger/outlet/"
GUARDS = OUTLET + "guards/"
# name: (file, text that must stand there exactly once, what takes its place)
MUTATIONS = {
    "Diode": (GUARDS + "pilot_guards.py", "return outlet.pilot.low_mv > pilot_states.DIODE_LOW_MV", "return False"),
    "PilotShort": (
        GUARDS + "pilot_guards.py",
        "return raw == pilot_states.E or (raw == pilot_states.F and not outlet.driving_f)",
        "return False",
    ),
    "PilotVoltage": (
        GUARDS + "pilot_guards.py", "return outlet.raw_state == pilot_states.UNDEFINED and not", "return False and not"
    ),
    "PilotGenerator": (GUARDS + "pilot_guards.py", "return outlet.generator_test.failed or is_weak(outlet)", "return False"),
    "Ventilation": (
        GUARDS + "pilot_guards.py", "return outlet.state == pilot_states.D and not outlet.has_ventilation", "return False"
    ),
    "ResidualCurrent": (GUARDS + "energy_guards.py", "if not outlet.rcd_tripped:\n", "if True:\n"),
    "ResidualSelfTest": (OUTLET + "outlet.py", "            if not self.self_test.passed:\n", "            if False:\n"),
    "Weld": (GUARDS + "contactor_guards.py", "return outlet.contacts_closed and", "return False and"),
    "CloseFailure": (GUARDS + "contactor_guards.py", "return contactor.commanded and is_open", "return False and is_open"),
    "OverCurrent": (GUARDS + "energy_guards.py", "        worst_ma = measured[0]\n", "        worst_ma = 0\n"),
    "Temperature": (GUARDS + "energy_guards.py", "(700 if self.tripped else 850)", "99999"),
    "MeterLost": (GUARDS + "energy_guards.py", "return outlet.metered is None", "return False"),
    "Proximity": (GUARDS + "cable_guards.py", "if not outlet.plugged or outlet.driving_f:", "if True:"),
    "LockFailure": (GUARDS + "cable_guards.py", "outlet.wants_lock and not outlet.locked", "False"),
    "Tamper": (GUARDS + "board_inputs.py", "            return True\n        return outlet.tamper.value() == 1",
               "            return True\n        return False"),
    "Lock before closing": (
        OUTLET + "outlet.py",
        "        if self.lock is not None and not self.locked:\n            return\n        if self.self_test",
        "        if self.self_test",
    ),
    "Minimum off time": (OUTLET + "outlet.py", " or not self.switch.may_close:\n            return\n", ":\n            return\n"),
    "PWM rest": (OUTLET + "outlet.py", "self.pilot_age_ms >= PWM_OFF_MS and pilot_states.B <=", "pilot_states.B <="),
    "Duty hold": (OUTLET + "outlet.py", "if self.pilot_age_ms >= DUTY_HOLD_MS or", "if True or"),
    "Stop after 6 s": (OUTLET + "outlet.py", "if self._stop_ms >= STOP_MS:", "if False:"),
    "Self-test for each closure": (OUTLET + "outlet.py", "            self.self_test.use()\n", ""),
    "Late tick": (OUTLET + "outlet.py", "        if late and contactor.commanded:\n", "        if False:\n"),
    "Permission": (OUTLET + "outlet.py", "self.permit\n            and not self.easing", "not self.easing"),
    "Emergency": (OUTLET + "outlet.py", "        self.blocked = self._shut\n", "        self.blocked = False\n"),
}
# The test that notices each mutant: it runs first, the others only when it passes.
NOTICED_BY = {
    "Diode": "test_dangerous_faults_open_at_once",
    "PilotShort": "test_dangerous_faults_open_at_once",
    "PilotVoltage": "test_dangerous_faults_open_at_once",
    "PilotGenerator": "test_a_generator_out_of_range_with_nothing_plugged_is_no_car_cp1",
    "Ventilation": "test_ventilation_is_refused_where_there_is_none_cp40",
    "ResidualCurrent": "test_the_residual_current_device_latches_until_unplugged_cp44",
    "ResidualSelfTest": "test_a_dead_residual_current_device_fails_its_self_test_and_nothing_closes_cp43",
    "Weld": "test_a_welded_contactor_is_seen_and_never_closed_again_cp45",
    "CloseFailure": "test_a_contactor_that_does_not_close_is_told_to_open_cp46",
    "OverCurrent": "test_slow_faults_open_within_their_time",
    "Temperature": "test_harmless_faults_let_the_car_stop_first",
    "MeterLost": "test_harmless_faults_let_the_car_stop_first",
    "Proximity": "test_a_coding_that_changes_while_charging_opens_cp37",
    "LockFailure": "test_no_energy_without_the_lock_and_no_unlocking_under_load_cp31",
    "Tamper": "test_a_tamper_policy_decides_whether_an_open_enclosure_stops_and_what_clears_it_sec17",
    "Lock before closing": "test_no_energy_without_the_lock_and_no_unlocking_under_load_cp31",
    "Minimum off time": "test_a_late_tick_opens_and_closes_again_by_the_rules",
    "PWM rest": "test_a_sleeping_car_is_woken_once_if_asked_for_cp29",
    "Duty hold": "test_limits_are_followed_with_five_seconds_between_and_cuts_for_safety_at_once_cp22",
    "Stop after 6 s": "test_a_car_that_does_not_stop_is_opened_under_load_after_six_seconds_cp25",
    "Self-test for each closure": "test_a_dead_residual_current_device_fails_its_self_test_and_nothing_closes_cp43",
    "Late tick": "test_a_late_tick_opens_and_closes_again_by_the_rules",
    "Permission": "test_nothing_closes_without_permission_and_there_is_no_pwm",
    "Emergency": "test_after_an_emergency_open_nothing_closes_before_the_restart",
}
RUNNER = """
import sys
import test_outlet, test_outlet_guards
tests = {name: getattr(module, name) for module in (test_outlet, test_outlet_guards) for name in dir(module)
         if name.startswith("test_")}
names = sorted(sorted(tests), key=lambda name: name not in FIRST)
for name in names[: len(FIRST) if ALONE else None]:
    try:
        tests[name]()
    except Exception as error:
        print("FAILED", name)
        sys.exit(1)
print("PASSED", len(names))
"""


class BrokenRun(Exception):
    """The tests neither passed nor failed on a copy; the message says how the interpreter ended."""


def survives(firmware, first=(), alone=False):
    """(True when test_outlet.py and test_outlet_guards.py pass on this copy of the firmware, the first test that fails or "").

    `first` are the tests to begin with, with `alone` the only ones. BrokenRun when the interpreter ended in another way.
    """
    chosen = f"FIRST = {tuple(first)!r}\nALONE = {alone!r}"
    done = subprocess.run(
        [str(ROOT / ".toolchain" / "micropython64"), "-X", "heapsize=8M", "-c", chosen + RUNNER],
        env={"MICROPYPATH": f"{compiled.folder('boards/SIM')}:{firmware}:host_tests/unit/support:host_tests/unit:.frozen"},
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    failed = [line[7:] for line in lines if line.startswith("FAILED ")]
    if done.returncode == 1 and failed:
        return False, failed[0]
    if done.returncode == 0 and any(line.startswith("PASSED ") for line in lines):
        return True, ""
    raise BrokenRun(f"the interpreter ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}")


def mutant(name):
    """Make the mutant, run the tests on it; (survived, the test that noticed). ValueError when it does not fit, BrokenRun."""
    file, old, new = MUTATIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "firmware"
        shutil.copytree(ROOT / "firmware", copy, ignore=shutil.ignore_patterns("__pycache__"))
        text = (copy / file).read_text()
        if text.count(old) != 1:
            raise ValueError(f"{name}: {old!r} stands {text.count(old)} times in {file}")
        (copy / file).write_text(text.replace(old, new))
        return survives(copy, [NOTICED_BY[name]])


def main():
    """All of them, two at a time."""
    argparse.ArgumentParser(prog="mutate.py", description=__doc__.partition("\n")[0]).parse_args()
    alive = 0
    try:
        passed, failed = survives(ROOT / "firmware")
        if not passed:
            print(f"mutate: the firmware itself fails {failed}", file=sys.stderr)
            return 2
        with ThreadPoolExecutor(2) as pool:
            for name, (survived, noticed) in zip(MUTATIONS, pool.map(mutant, MUTATIONS), strict=True):
                alive += survived
                print(f"{name:26} {'SURVIVED' if survived else 'noticed by ' + noticed}", flush=True)
    except (ValueError, BrokenRun, subprocess.TimeoutExpired) as error:
        print(f"mutate: {error}", file=sys.stderr)
        return 2
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
