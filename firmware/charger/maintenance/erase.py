"""Erasure of personal data, and factory reset (SEC-3, SEC-15). Imported for a request and at the start after it.

A request writes a mark to flash and restarts the unit. The next start deletes before any file is opened: nothing in RAM
survives, and a power cut at any point is handled like the restart. Then, in normal operation, store/wipe.py overwrites
the data that littlefs leaves behind; it waits while a car charges.

The lists below name what is kept; everything else is deleted, so that files of future parts are covered. The security
log is kept and records the erasure; it never contains an identifier.
"""

from charger import clock, log
from charger.audit import events
from charger.config import installer_limit
from charger.store import wipe

MARK = "erase"
PERSONAL, FACTORY = "personal", "factory"

# Data of the unit itself: identity, measurements, safety and security. Always kept.
_UNIT = (
    "boot.py main.py lib factory.json boot.json calibration.json setup_ssid tamper safety trial.json update_offer.json hot seclog"
    " vault meter1.json meter2.json meter3.json meter4.json pin_attempts.a pin_attempts.b ocpp_sent.a ocpp_sent.b ocpp_tx ocpp_mv"
    " open1 open2 open3 open4 scrub erase ocpp_config.json"
)
# Settings of back end and owner that are not personal: deleted by a factory reset.
_SETTINGS = (
    "ocpp_profiles.json ocpp_out_of_service.json ocpp_trial.json ocpp_client.pem ocpp_next.pem roots"
    " roots_gone.json ocpp_firmware.json ocpp_signed_firmware.json ocpp_firmware_last.json update.json"
)
_KEYS = "ocpp_config.json"
# Keys of the settings that name a person, or let the home network see when a car is there.
_PERSONAL_KEYS = ("FreeVendIdTag", "StateWithoutPin")
# Prefixes of names in the vault.
_UNIT_SECRETS = ("label/", "setup/", "web/")
_SETTINGS_SECRETS = ("pin/owner", "pin/installer", "pin/user", "ocpp/", "group/")

_PAUSE_MS = 10  # after each write, for other tasks
_CHARGING_MS = 5000
_HELD_S = 10


def erase_personal_data(files: Files, connectors: list, restart: Callable, by: str = "owner") -> str:
    """Request the erasure of personal data: sessions, idTags, Wi-Fi, the owner's broker.

    restart(kind, why) restarts the unit.
    Returns '' when the mark is written and the unit restarts within seconds, else the reason as a sentence. OSError.
    """
    return request(files, connectors, restart, PERSONAL, by)


def factory_reset(files: Files, connectors: list, restart: Callable, by: str = "owner") -> str:
    """Request a factory reset: erases personal data, settings and certificates; the PINs on the label are valid again.

    Kept are security log, energy registers, calibration, the installer's limits (which no owner may raise), the counts of
    wrong PINs and the anti-rollback counter.
    """
    return request(files, connectors, restart, FACTORY, by)


def request(files: Files, connectors: list, restart: Callable, kind: str, by: str) -> str:
    """Write the mark and restart; `kind` is PERSONAL or FACTORY."""
    if any(connector.session is not None for connector in connectors):
        return "A car is charging: end that first."
    files.write(MARK, (kind + " " + by).encode())
    log.info("erase", kind + " data: at the restart")
    restart("Soft", "erasure" if kind == PERSONAL else "factory reset")
    return ""


def at_start(files: Files, vault: Vault, on_event: Callable, anonymise: Callable) -> None:
    """Do the requested erasure. It may be interrupted anywhere and repeated. OSError.

    Runs before anything else opens a file. anonymise(files) is run() of maintenance/queue_anonymiser.py.
    """
    try:
        kind, _, by = (files.read(MARK) or b"").decode().partition(" ")
    except UnicodeError:
        kind = by = ""  # of other firmware: personal data
    wipe.request(files)
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


def _forget_keys(files: Files, all_of_them: bool) -> None:
    changed = files.read_json(_KEYS)
    if not isinstance(changed, dict):
        changed = {}
    left = {name: value for name, value in changed.items()
            if name in installer_limit.NAMES or not (all_of_them or name in _PERSONAL_KEYS)}
    if left:
        files.write_json(_KEYS, left)
    else:
        files.delete(_KEYS)


async def factory_reset_when_held(files: Files, connectors: list, restart: Callable, button: Any) -> None:
    """Do a factory reset when the button is held for ten seconds from power-on.

    It needs no PIN, because it restores access for an owner who has lost the PIN. It needs control of the unit's supply;
    afterwards the PIN on the label is required (SEC-3); and it is logged.
    """
    for _ in range(_HELD_S * 10):
        await clock.sleep_ms(100)
        if button.value():
            break
    else:
        why_not = request(files, connectors, restart, FACTORY, "the button")
        if why_not:
            log.warn("erase", why_not)


async def overwrite(files: Files, connectors: list, on_event: Callable, device: Any) -> None:
    """Task: overwrite deleted data until none is readable. device: see wipe.run()."""
    try:
        for _ in wipe.run(files, device, device):
            await clock.sleep_ms(_PAUSE_MS)
            while any(connector.session is not None for connector in connectors):
                await clock.sleep_ms(_CHARGING_MS)
        on_event(events.PERSONAL_DATA_ERASED, "deleted data overwritten")
    except (OSError, MemoryError) as error:  # repeated at the next start
        log.error("erase", "not overwritten: " + log.reason(error))
