# Runs inside MicroPython: flash operations of one year of charging, counted in the simulated flash chip.
import utime

from charger import clock
from charger.metering.energy_register import EnergyRegister
from charger.metering.session_store import Sessions
from charger.store.files import Files
from sim import flash, timebase

# A busy home: one car a day, 12 kWh at 7.4 kW, with a back end that wants a value a minute.
_SESSIONS = 60
_WH = 12000
_POWER_W = 7400
_STEP_S = 5
_BLOCKS = 512
_NOW_S = 1893456000


def session(sessions, register, number):
    """One session, second by second as far as the stores are concerned."""
    register_wh = register.total_wh
    open_one = sessions.begin(1, "BENCH", register_wh)
    while register.total_wh < register_wh + _WH:
        timebase.advance(_STEP_S * 1000)
        clock.advance()
        register.add(_POWER_W * _STEP_S * 1000 // 3600)
        register.persist_when_due()
        sessions.checkpoint(open_one, register.total_wh, _POWER_W)
    sessions.end(open_one, register.total_wh, "EVDisconnected")


def main():
    timebase.manual()
    device = flash.mount(None, "/flash", flash.Flash(None))
    files = Files("/flash")
    clock.boot_id = 1
    clock.set_utc(_NOW_S, "bench")
    register = EnergyRegister(files, 1)
    sessions = Sessions(files)
    sessions.watch(1, register)
    for n in range(3):  # the first ones create files
        session(sessions, register, n)
    erases, programs, programmed = device.erases, device.writes, device.programmed_bytes
    blocks = list(device.block_erases)
    begin = utime.ticks_ms()
    for n in range(_SESSIONS):
        session(sessions, register, n)
    worst = max(device.block_erases[n] - blocks[n] for n in range(len(blocks)))
    print("bench.sessions", _SESSIONS)
    print("bench.erases", device.erases - erases)
    print("bench.programs", device.writes - programs)
    print("bench.programmed_bytes", device.programmed_bytes - programmed)
    print("bench.worst_block_erases", worst)
    print("bench.blocks", len(blocks))
    print("bench.ms", utime.ticks_diff(utime.ticks_ms(), begin))


main()
