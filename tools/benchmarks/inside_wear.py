# Runs inside MicroPython: flash operations of charging sessions, counted in the simulated flash chip.
import utime

from charger import clock
from charger.drivers import flash_device
from charger.metering.energy_register import EnergyRegister
from charger.metering.session_store import SessionStore
from charger.store.files import Files
from sim import flash, timebase

# 60 sessions of 12 kWh at 7.4 kW, without a back end.
_SESSIONS = 60
_WH = 12000
_POWER_W = 7400
_STEP_S = 5
_BLOCKS = 512
_NOW_S = 1893456000


def session(sessions, register, number):
    """One session, in steps of _STEP_S for the stores."""
    register_wh = register.total_wh
    spares = flash_device.device
    while spares.step():
        pass
    open_one = sessions.begin(1, "BENCH", register_wh)
    spares.may_erase = False
    while register.total_wh < register_wh + _WH:
        timebase.advance(_STEP_S * 1000)
        clock.advance()
        register.add(_POWER_W * _STEP_S * 1000 // 3600)
        register.persist_when_due()
        sessions.checkpoint(open_one, register.total_wh, _POWER_W)
    spares.may_erase = True
    sessions.end(open_one, register.total_wh, "EVDisconnected")


def _counts(parts):
    """Erases, programs and programmed bytes of file system and spares together."""
    return [
        sum(part.erases for part in parts),
        sum(part.writes for part in parts),
        sum(part.programmed_bytes for part in parts),
    ]


def _block_erases(parts):
    return parts[0].block_erases + parts[1].block_erases


def main():
    timebase.manual()
    device = flash.mount(None, "/flash")
    parts = (device, device.area)
    files = Files("/flash")
    clock.boot_id = 1
    clock.set_utc(_NOW_S, "bench")
    register = EnergyRegister(files, 1)
    sessions = SessionStore(files)
    sessions.watch(1, register)
    for n in range(3):  # the first sessions create files
        session(sessions, register, n)
    before = _counts(parts)
    blocks = _block_erases(parts)
    begin = utime.ticks_ms()
    for n in range(_SESSIONS):
        session(sessions, register, n)
    after = _counts(parts)
    erases, programs, programmed = [after[n] - before[n] for n in range(3)]
    worst = max(now - then for now, then in zip(_block_erases(parts), blocks))
    print("bench.sessions", _SESSIONS)
    print("bench.erases", erases)
    print("bench.programs", programs)
    print("bench.programmed_bytes", programmed)
    print("bench.worst_block_erases", worst)
    print("bench.blocks", len(blocks))
    print("bench.ms", utime.ticks_diff(utime.ticks_ms(), begin))


main()
