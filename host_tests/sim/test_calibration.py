"""A unit comes calibrated from the factory; one that lost its calibration says so and bills nothing (MET-3, UK-20)."""

import os
import subprocess

from mpy.interpreter import ROOT, binary, environment

FORGET = """
import sys
from sim import flash
flash.mount(sys.argv[1])
from charger.store.files import Files
files = Files("/flash")
if files.read("calibration.json") is None:
    raise SystemExit("was not there")
%s
"""
DELETE = 'files.delete("calibration.json")'
DAMAGE = """
with open("/flash/calibration.json", "r+b") as file:
    file.seek(20)
    file.write(b"9")
"""


def on_flash(sim, what):
    """Do something to the flash of a charger that is off."""
    image = os.path.join(sim.state_dir, "flash.bin")
    program = [str(binary(64)), "-c", FORGET % what, image]
    done = subprocess.run(program, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lost_calibration_is_an_invalid_meter_not_default_gains(launch):
    """Deleted or damaged, at the next start there is no figure and no session, and no factory to mend it."""
    for number, what in enumerate((DELETE, DAMAGE)):
        sim = launch(f"unit{number}", identity=f"PL-10{number}")
        sim.wait_ocpp_status("Available")
        sim.wait_connector(lambda state: state["voltage_v"] is not None, what="a valid meter")
        sim.stop()
        on_flash(sim, what)
        sim.start()
        state = sim.wait_ocpp_status("Faulted")
        assert state["error_code"] == "PowerMeterFailure"
        assert sim.connector()["voltage_v"] is None
        assert any("not calibrated" in line for line in sim.log_lines())
        sim.plug_in()
        sim.swipe("GOOD0001")
        sim.let_pass(3)
        assert sim.connector()["relay"] is False
        assert sim.connector()["energy_wh"] == 0
