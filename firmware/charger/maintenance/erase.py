"""Erasure of personal data, and factory reset (SEC-3, SEC-15). Imported when somebody asks, and at the start after that.

Asking only leaves a mark on flash and restarts the unit. The next start deletes, before anything opens a file: so nothing
in RAM survives, and a power cut anywhere is no other case than the restart. Then, while the unit works as ever,
store/wipe.py overwrites what littlefs leaves behind; it waits while a car charges.

What is known to be nobody's stays, by the lists below; all else goes, so that a file of a part yet to come is not
forgotten here. The security log stays and tells of it: no identifier is ever in it.
"""

from charger import clock, log
from charger.audit import events
from charger.store import wipe

MARK = "erase"
PERSONAL, FACTORY = "personal", "factory"

# The unit itself: what it is, has measured, has to remember for safety and security. Stays in any case.
_UNIT = (
    "boot.py main.py lib factory.json boot.json calibration.json setup_ssid tamper safety trial.json update_offer.json hot seclog"
    " vault meter1.json meter2.json meter3.json meter4.json pin_attempts.a pin_attempts.b ocpp_sent.a ocpp_sent.b ocpp_tx ocpp_mv"
    " open1 open2 open3 open4 scrub erase ocpp_config.json"
)
# What the back end and the owner have set, about nobody: goes with a factory reset.
_SETTINGS = (
    "ocpp_profiles.json ocpp_out_of_service.json ocpp_trial.json ocpp_client.pem ocpp_next.pem roots"
    " roots_gone.json ocpp_firmware.json ocpp_signed_firmware.json ocpp_firmware_last.json update.json"
)
_KEYS = "ocpp_config.json"
# Of these, what names a person, and what an installer has measured out.
_PERSONAL_KEYS = ("FreeVendIdTag",)
_UNIT_KEYS = ("InstallerMaxCurrent",)
# In the vault, by the beginnings of their names.
_UNIT_SECRETS = ("label/", "setup/", "web/")
_SETTINGS_SECRETS = ("pin/owner", "pin/installer", "pin/user", "ocpp/")

_PAUSE_MS = 10  # after each write, for the others
_CHARGING_MS = 5000
_HELD_S = 10


async def erase_personal_data(app, by: str = "owner") -> str:
    """Forget all that is about a person: who charged, what was charged when, cards, Wi-Fi, the owner's broker.

    '' when it is certain to happen: the unit restarts within seconds. Else why not, as a sentence. OSError by the flash.
    """
    return ask(app, PERSONAL, by)


async def factory_reset(app, by: str = "owner") -> str:
    """The same, and all settings, certificates and PINs are what the factory gave: the PIN on the label holds again.

    Security log, energy registers, calibration, the installer's limit (which no owner may lift), the count of wrong PINs
    and the anti-rollback counter stay.
    """
    return ask(app, FACTORY, by)


def ask(app, kind: str, by: str) -> str:
    """What the two above do: kind is PERSONAL or FACTORY."""
    if any(connector.session is not None for connector in app.connectors):
        return "A car is charging: end that first."
    app.files.write(MARK, (kind + " " + by).encode())
    log.info("erase", kind + " data: at the restart")
    app.restart("Soft", "erasure" if kind == PERSONAL else "factory reset")
    return ""


def at_start(files, vault, on_event, anonymise):
    """Do what was asked for before the restart. May be cut short anywhere and done again. OSError.

    Before anything else opens a file. anonymise(files) is maintenance/queue_anonymiser.py's run().
    """
    kind, _, by = (files.read(MARK) or b"").decode().partition(" ")
    wipe.ask(files)
    anonymise(files)
    kept = _UNIT.split(" ") + ([] if kind == FACTORY else _SETTINGS.split(" "))
    _forget_keys(files, kind == FACTORY)
    wipe.delete_but(files, kept)
    if vault.ready and not vault.broken:
        beginnings = _UNIT_SECRETS + (() if kind == FACTORY else _SETTINGS_SECRETS)
        for name in vault.names():
            if not any(name.startswith(beginning) for beginning in beginnings):
                vault.delete(name)
    on_event(events.FACTORY_RESET if kind == FACTORY else events.PERSONAL_DATA_ERASED, "by " + (by or "owner"))
    files.delete(MARK)


def _forget_keys(files, all_of_them: bool):
    changed = files.read_json(_KEYS)
    if not isinstance(changed, dict):
        changed = {}
    left = {name: value for name, value in changed.items()
            if name in _UNIT_KEYS or not (all_of_them or name in _PERSONAL_KEYS)}
    if left:
        files.write_json(_KEYS, left)
    else:
        files.delete(_KEYS)


async def held(app, button):
    """The button was pressed as the power came: held for ten seconds from then on it means a factory reset.

    That takes no PIN, since it is how an owner who has lost his gets in again. It takes somebody who can switch off the
    unit's supply; it gives nobody anything, as the PIN on the label holds afterwards (SEC-3); and it is in the log.
    """
    for _ in range(_HELD_S * 10):
        await clock.sleep_ms(100)
        if button.value():
            break
    else:
        why_not = ask(app, FACTORY, "the button")
        if why_not:
            log.warn("erase", why_not)


async def overwrite(app, device):
    """The task that follows: until nothing that was deleted can be read any more. device: see scrub.run()."""
    try:
        for _ in wipe.run(app.files, device, device):
            await clock.sleep_ms(_PAUSE_MS)
            while any(connector.session is not None for connector in app.connectors):
                await clock.sleep_ms(_CHARGING_MS)
        app.security_log.add(events.PERSONAL_DATA_ERASED, "what was deleted is overwritten")
    except (OSError, MemoryError) as error:  # the next start begins it anew
        log.error("erase", "not overwritten: " + log.reason(error))
