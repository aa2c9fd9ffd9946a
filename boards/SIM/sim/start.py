"""Start of the simulated board: world, flash and link come up first, then, after the boot delay, the firmware."""

import asyncio
import gc
import json
import sys

import utime

from sim import bootloader, launch, libc, slots

_THRESHOLD = 4096  # bytes between two collections until the firmware starts
_FILLINGS = (8192, 2048, 512, 128, 32)
_FACTORY_ALONE = ("charger.access", "charger.credentials.provisioning", "charger.crypto.pbkdf2")


def _search_path():
    """Shims, firmware, frozen modules, in this order.

    The firmware is that of the slot the bootloader chose. ota_0 holds what the simulator was started with, a ROMFS image,
    the source tree, or what is frozen into the interpreter, until an update has been written over it.
    """
    if "" in sys.path:
        sys.path.remove("")
    if launch.config["board"]:
        from sim import real_board

        real_board.take_root()
    slots.attach(launch.config["state_dir"])
    bootloader.choose(look_only=launch.config["measure"])
    if not bootloader.from_factory:
        for folder in [folder for folder in sys.path if folder.endswith("/firmware")]:
            sys.path.remove(folder)
        _run_from(slots.slots[bootloader.running].path, slots.BLOCK, slots.header(bootloader.running)[0])
    elif launch.config["romfs"]:
        _run_from(launch.config["romfs"], 0, None)


def _run_from(path, offset, size):
    """The application is the ROMFS at an offset of a file: its modules execute in place, as on the board."""
    import uctypes
    import vfs

    address, length = libc.map_file(path)
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(address + offset, size or length - offset)), "/rom")
    sys.path.insert(1, "/rom")


def _load_board():
    """Import the board's data; a real board's file system is mounted before, since its factory's file is part of them.

    Returns the flash device of a real board, else None.
    """
    if not launch.config["board"]:
        import board

        _require_root(board)
        return None
    from sim import real_board

    device = real_board.mount()
    import board

    real_board.adapt(board)
    return device


def _require_root(board):
    """Refuse to run where the firmware's files would be the host's: only a mounted flash may be at the board's root."""
    if getattr(board, "FLASH_ROOT", "") in ("", "/"):
        raise ValueError("board.py has no FLASH_ROOT: its files would be this computer's; run it with --board")


def _flash(device):
    from sim import flash, world

    folder = launch.config["state_dir"]
    if device is None:
        device = flash.mount(None if folder is None else folder + "/flash.bin", power=slots.power)
    device.closed = device.area.closed = world.any_closed
    slots.watch(world.any_closed)
    return device


def _calibrate():
    """As the factory does once: calibrate each meter chip and store the result on flash (MET-3).

    Also what an installer does who fits a meter of another kind; a lost calibration is not restored.
    """
    import board

    from charger.drivers.meters import calibration
    from charger.store.files import Files
    from sim import world

    files = Files(board.FLASH_ROOT)
    new = files.read(calibration.FILE) is None and files.read("boot.json") is None  # one that ran has left the factory
    stored = files.read_json(calibration.FILE)
    entries = {outlet.id: outlet.meter.factory() for outlet in world.current().outlets}
    old = [calibration.entry_of(stored, number) for number in entries]
    if new or any(entry and entry["kind"] != entries[1]["kind"] for entry in old):
        files.write_json(calibration.FILE, calibration.stored_form(entries))


def _provision(record):
    """As the factory does once: give the unit its own credentials, the device key apart from the flash (SEC-2, SEC-10)."""
    if record is None:
        return
    import board

    from charger.credentials import provisioning
    from charger.drivers.keystore import KeyStore
    from charger.store.files import Files
    from sim import link

    store = KeyStore()
    try:
        if not store.provisioned():
            provisioning.write(record, Files(board.FLASH_ROOT), store)
            link.send({"event": "provisioned"})
            link.wait_for_parent()  # the label is printed before the unit counts as provisioned, never after
            store.seal(record["serial"])
    except OSError as error:
        link.send({"event": "warning", "text": "not provisioned: %s" % error})


def _fill():
    """Blocks that fill what the world leaves free between its objects: the firmware gets the reserve and no crumbs."""
    blocks = []
    for size in _FILLINGS:
        try:
            while True:
                blocks.append(bytearray(size))
        except MemoryError:
            pass
    return blocks


def _prepare():
    """Everything but the firmware: a board has none of it in its heap.

    The shims count as well, so they are imported here and not when the firmware first asks for them.
    """
    for shim in ("machine", "network", "socket", "esp32"):
        __import__(shim)
    device = _load_board()
    from sim import control, link, loop_wait, rtc, timebase, world

    loop_wait.on_wait(rtc.keep)
    if launch.config["run_counter"]:
        loop_wait.follow(launch.config["run_counter"])
    if launch.config["word"] == 32 and launch.config["time_scale"] != 1:
        from sim import tasks

        tasks.install()
    timebase.begin((launch.config["kept"] or {}).get("scale", launch.config["time_scale"]))
    world.fresh()
    if launch.config["pace"] is not None:
        from sim import figures, paced_clock  # noqa: F401 - here, so that the firmware's heap has no part of it

        figures.install()
    if launch.config["pace"] is not None or launch.config["tls_heap"] is not None:
        from sim import tls_costs

        tls_costs.install()
    if launch.config["kept"]:
        link.take_over(launch.config["kept"])
        launch.config["kept"] = None
    if launch.config["trace"]:
        from sim import trace

        trace.install()
    control.flash = _flash(device)
    gc.collect()


def _measure_world():
    """The part of the heap that is not the firmware's."""
    from sim import control, timebase

    gc.collect()
    control.static_heap = timebase.static_heap = gc.mem_alloc()


def _forget_factory():
    """Unload what provisioning alone imported: on a board it runs in a start of its own, in the factory.

    The firmware imports credentials/provisioning.py never and access/ only where a page or a broker asks for PINs.
    """
    for name in list(sys.modules):
        if name in _FACTORY_ALONE or name.startswith(_FACTORY_ALONE[0] + "."):
            parent, _, own = name.rpartition(".")
            if hasattr(sys.modules.get(parent), own):
                delattr(sys.modules[parent], own)
            del sys.modules[name]
    gc.collect()


async def _boot():
    """Serve the link through the boot delay, which is real time: a peer sees the charger gone for that long."""
    from sim import control, link

    link.send({"event": "up"})
    served = asyncio.create_task(link.serve(control.answer))
    begun = utime.ticks_ms()
    while utime.ticks_diff(utime.ticks_ms(), begun) < launch.config["boot_delay_ms"]:
        await asyncio.sleep_ms(10)
    served.cancel()
    try:
        await served
    except asyncio.CancelledError:
        pass


async def _control():
    """The link beside the firmware's own tasks."""
    from charger import app
    from sim import control, link

    for name in app.current.config.unknown:
        link.send({"event": "warning", "text": "--set %s: unknown key or useless value, ignored" % name})
    await link.serve(control.answer)


def _leave_compiling_out():
    """Charge no import to the firmware that runs from its sources: a board has it frozen, with nothing to compile."""
    import builtins

    from sim import soft_irq

    original = builtins.__import__

    def unmeasured(name, *words):
        if len(words) > 3 and words[3]:  # a relative one would start at this module; asyncio alone makes them
            name, words = ("asyncio." + name).rstrip("."), words[:3]
        soft_irq.enter()
        try:
            return original(name, *words)
        finally:
            soft_irq.leave()

    builtins.__import__ = unmeasured


def _firmware():
    """As the port does after a reset: run boot.py, then main.py, with one extra task."""
    gc.threshold(-1)  # the port's own
    import boot  # noqa: F401

    if not launch.config["heap"] and launch.config["pace"] is None:
        # boot.py has a board collect every 4 KiB while it starts. A heap of 2 MiB, whose free pieces are not measured, needs
        # none of it, and these collections are two thirds of the processor time of a start.
        gc.threshold(-1)

    # First, from here: each import inside another one takes 4 KiB of stack in the unix port (PATH_MAX), and 128 bytes on a
    # board; under app these would be too deep for the 32-bit interpreter.
    from charger.outlet import guards  # noqa: F401 # isort: skip
    from charger import app

    app.clock.tls_has_time = True  # mbedtls' is the PC's: without that the first link by TLS would need a time server
    if launch.config["pace"] is not None:
        from sim import figures

        figures.name_jobs(app)
    app.main(extra_tasks=[_control])


def main():
    """Run the board until it restarts or its parent ends it."""
    libc.die_with_parent()
    launch.config.update(json.loads(sys.stdin.readline()))
    record, launch.config["provision"] = launch.config["provision"], None
    # The firmware's heap in one piece, as a board has it at its start: the simulated world takes what lies behind it.
    reserve = bytearray(launch.config["reserve"])
    if reserve:
        gc.threshold(_THRESHOLD)
    _search_path()
    _prepare()
    from sim import control, link

    if reserve:
        control.filling = _fill()
    reserve = None
    _measure_world()
    if launch.config["measure"]:
        link.send({"event": "measured", "bytes": control.static_heap})
        return
    asyncio.run(_boot())
    try:
        _calibrate()
        _provision(record)
        record = None
        _forget_factory()
        if launch.config["pace"] is not None:
            from sim import paced_clock

            paced_clock.start(launch.config["pace"], launch.config["connectors"])
            if launch.config["frozen"] is None:
                _leave_compiling_out()
        _firmware()
    except Exception as error:  # noqa: BLE001 - on the board this ends at the REPL, and the watchdog bites
        sys.print_exception(error, sys.stderr)
    link.send({"event": "crashed", "kept": link.kept()})
    libc.exit_now(1)


main()
