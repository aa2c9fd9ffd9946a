# A flash chip in memory for the tests of what is stored: mounted, restarted, cut at any operation.
from charger import clock
from charger.store.files import Files
from sim import flash as simflash

ROOT = "/flash"


def fresh(blocks=64, image=None):
    """A new chip (or one with this content) mounted at ROOT. Returns the device."""
    simflash.unmount(ROOT)
    device = simflash.Flash(None, blocks=blocks, image=image)
    return simflash.mount(None, ROOT, device)


def restart(device):
    """The power fails now and comes back: a new device over the same content, mounted. Returns it."""
    simflash.unmount(ROOT)
    device.power_off()
    return fresh(device.blocks, device.image)


def reboot(boot_id=None):
    """The clock after a restart: UTC unknown, a new boot id. The tests that need uptime move it themselves."""
    clock.boot_id = clock.boot_id + 1 if boot_id is None else boot_id
    clock._zero_s = None
    clock._step_listeners.clear()


def files():
    """Files over the mounted flash."""
    return Files(ROOT)


def damage(path, at, flip=0x10):
    """Flip bits of one byte of a file, as a worn cell would; at may be negative."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[at] ^= flip
    with open(path, "wb") as file:
        file.write(data)


def cost(device, function):
    """(programs, erases, bytes programmed) of a call."""
    before = device.writes, device.erases, device.programmed_bytes
    function()
    return device.writes - before[0], device.erases - before[1], device.programmed_bytes - before[2]
