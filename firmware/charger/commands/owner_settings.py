"""Settings that a person may change, each limited to certain roles (SEC-18). A request is done as a whole or not at all."""

import tls

from charger import clock, log, validate
from charger.access import roles
from charger.audit import events
from charger.commands import CONFLICT, FORBIDDEN, INVALID, UNABLE
from charger.errors import CommandError, InvalidValueError
from charger.runtime import hold_ups

# name, required right, whether the value is secret. Types and ranges of keys: config/configuration.py
_SETTINGS = """
AllowOfflineTxForUnknownId settings
AuthorizationCacheEnabled settings
AuthorizationKey backend secret
BackEndIdentity backend
BackEndRoots backend
BackEndUrl backend
ConnectedPhases limits
ConnectionTimeOut settings
CpoName backend
FreeVend settings
FreeVendIdTag settings
GroupKey limits secret
GroupMaxCurrent limits
GroupUnits limits
HostName network
HouseMaxCurrent limits
HouseMeter network
HouseSafeCurrent limits
InstallerMaxCurrent limits
LocalAuthorizeOffline settings
LocalPreAuthorize settings
MqttDiscovery network
MqttPassword network secret
MqttRoots network
MqttUrl network
PlainLinkAtHome settings
SolarExportPrice schedule
SolarMode schedule
SolarStartPower schedule
StateWithoutPin settings
SyslogRoots network
SyslogServer network
TamperPolicy settings
UnlockConnectorOnEVSideDisconnect settings
UploadToHomeNetwork network
WifiAddress network
WifiName network
WifiPassword network secret
"""
_IN_VAULT = {
    "WifiName": ("wifi/name", 1, 32), "WifiPassword": ("wifi/password", 8, 63),  # in the vault; IEEE 802.11, WPA2
    "HostName": ("wifi/host", 0, 32), "WifiAddress": ("wifi/address", 0, 50),  # "" for the unit's own name, for DHCP
    # the owner's broker, used from the next start: mqtts:// URL ("" for none), PEM
    "MqttUrl": ("mqtt/url", 0, 200), "MqttPassword": ("mqtt/password", 1, 64), "MqttRoots": ("mqtt/roots", 1, 1800),
    # the owner's syslog receiver, from the next start on: HOST[:PORT] ("" for none), PEM
    "SyslogServer": ("syslog/server", 0, 100), "SyslogRoots": ("syslog/roots", 1, 1800),
    # another back end, from the next start on: wss:// URL ("": that of the factory), identity, PEM (UK-14)
    "BackEndUrl": ("ocpp/url", 0, 200), "BackEndIdentity": ("ocpp/identity", 0, 48), "BackEndRoots": ("ocpp/roots", 0, 1800),
    "GroupKey": ("group/key", 16, 64),  # of all units of a group, from the next start on
    "MqttDiscovery": ("mqtt/discovery", 0, 32),  # prefix of Home Assistant's discovery topics, "" for none
}  # fmt: skip

_HOST = "-abcdefghijklmnopqrstuvwxyz0123456789"  # RFC 1123


def _rows() -> Iterator:
    for line in _SETTINGS.split("\n"):
        if line:
            yield (line + " ").split(" ")[:3]


async def _read_settings(app: Application, role: str, _wish: dict, _surface: str) -> dict:
    found = {}
    for name, right, secret in _rows():
        entry: dict = {"writable": roles.may(role, right)}
        if secret:
            entry["set"] = _is_set(app.vault, name)
        elif name in _IN_VAULT:
            kept = app.vault.get(_IN_VAULT[name][0]) if _is_set(app.vault, name) and roles.may(role, right) else None
            entry["value"] = None if kept is None else kept.decode()
        else:
            entry["value"] = app.config.typed(name)
        found[name] = entry
    return found


def _is_set(vault: Vault, name: str) -> bool:
    return (_IN_VAULT[name][0] if name in _IN_VAULT else "ocpp/authorization-key") in vault.names()


async def _write_settings(app: Application, role: str, args: dict, surface: str) -> dict:
    """Write all settings or none: all are checked before the first is stored."""
    if not args:
        raise CommandError(INVALID, "No setting was given.")
    changes = []
    rights = {row[0]: row[1] for row in _rows()}
    for name, value in args.items():
        right = rights.get(name)
        if right is None:
            raise CommandError(INVALID, "%s: no such setting." % name)
        if not roles.may(role, right):
            raise CommandError(FORBIDDEN, "%s: the %s may not change it." % (name, role))
        if name == "PlainLinkAtHome" and value is True and app.config.get_str("Country") == "GB":
            raise CommandError(CONFLICT, "PlainLinkAtHome: not in Great Britain.")
        plain = args.get("PlainLinkAtHome", app.config.get_bool("PlainLinkAtHome")) is True
        text = _secret_form(name, value, app.wifi, plain) if name in _IN_VAULT else _shaped(app.config, name, value)
        changes.append((name, text, right))
        await clock.sleep_ms(0)
    for name, value, right in changes:
        if name in _IN_VAULT and not value:
            app.vault.delete(_IN_VAULT[name][0])
        elif name in _IN_VAULT:
            app.vault.put(_IN_VAULT[name][0], value)
        else:
            app.config.put(name, value)
        try:
            await clock.sleep_ms(0)
        finally:  # also when the request ends here: the value is stored
            if right != "settings" or name in ("TamperPolicy", "StateWithoutPin", "PlainLinkAtHome"):
                app.security_log.add(events.RECONFIGURED, "%s, by %s, %s" % (name, role, surface))
        await clock.sleep_ms(0)
    if any(name[:4] in ("Wifi", "Host") for name, _, _ in changes):
        app.wifi.changed()
    if any(name[:5] in ("House", "Solar") for name, _, _ in changes):
        app.planner.use_house()
    return {}


async def _networks(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    """List the Wi-Fi networks in range; the radio's scan holds up the control tick, so never while a contactor is closed."""
    if hold_ups.contactor_closed():
        raise CommandError(CONFLICT, "A car is charging: search for networks afterwards.")
    try:
        found = app.wifi.scan()
    except OSError as error:
        log.warn("wifi", "no scan: " + log.reason(error))
        raise CommandError(UNABLE, "The radio cannot search now; try again.")
    return {"networks": [{"name": name, "rssi": rssi, "safe": safe} for name, rssi, safe in found]}


def _secret_form(name: str, value: Any, wifi: Any, plain: bool) -> bytes:
    _, low, high = _IN_VAULT[name]
    try:
        validate.check(("text", high, low) if name[-5:] == "Roots" else ("str", high, low), value)
    except InvalidValueError as error:
        raise CommandError(INVALID, "%s: %s." % (name, error.why))
    if name == "MqttDiscovery" and any(ch in "+#?/ " for ch in value):
        raise CommandError(INVALID, "MqttDiscovery: one level of a topic.")
    if name == "HostName" and (value.strip("-") != value or not all(ch in _HOST for ch in value)):
        raise CommandError(INVALID, "HostName: small letters, digits, and hyphens between them.")
    if name == "WifiAddress" and value and not wifi.takes_address(value):
        raise CommandError(CONFLICT, "WifiAddress: not like 192.168.1.50/24 192.168.1.1.")
    if name == "MqttUrl" and value and not value.startswith("mqtts://"):
        raise CommandError(INVALID, "MqttUrl: must begin with mqtts://; TLS is required.")  # SEC-12
    at_home = plain and value.startswith("ws://") and validate.home_address(value[5:].partition("/")[0].partition(":")[0])
    if name == "BackEndUrl" and value and not at_home and not value.startswith("wss://"):
        raise CommandError(INVALID, "BackEndUrl: must begin with wss://; TLS is required.")  # SEC-12
    if name in ("BackEndUrl", "MqttUrl") and value and not validate.server_url(value, name == "MqttUrl"):
        raise CommandError(INVALID, name + ": not an address of a server.")
    if name == "SyslogServer" and value and ("/" in value or not validate.server_url("syslogs://" + value, False)):
        raise CommandError(INVALID, name + ": not an address of a server.")
    if name[-5:] == "Roots" and value:
        _check_roots(name, value)
    data = value.encode()
    if len(data) > high:
        raise CommandError(INVALID, "%s: longer than %d bytes." % (name, high))
    return data


def _check_roots(name: str, text: str) -> None:
    """Check that the value consists of PEM certificates that TLS can read."""
    if not (text.startswith("-----BEGIN CERTIFICATE-----\n") and text.strip("\n").endswith("\n-----END CERTIFICATE-----")):
        raise CommandError(INVALID, name + ": must be PEM certificates.")
    try:
        tls.SSLContext(tls.PROTOCOL_TLS_CLIENT).load_verify_locations(text.encode())
    except (ValueError, OSError):
        raise CommandError(CONFLICT, name + ": not a certificate.")


def _shaped(config: Configuration, name: str, value: Any) -> str:
    """Return a value as text in the table's form."""
    kind = config.typed(name)
    if isinstance(kind, int) and isinstance(value, float) and value == value and abs(value) < 1e9 and value == int(value):
        value = int(value)  # 5.0 is an integer in JSON
    if isinstance(kind, bool) != isinstance(value, bool) or not isinstance(value, type(kind)):
        wanted = {bool: "true or false", int: "a whole number", str: "text"}[type(kind)]
        raise CommandError(INVALID, "%s: must be %s." % (name, wanted))
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if not validate.printable(text):
        raise CommandError(INVALID, name + ": control or broken characters.")
    shaped = config.normalise(name, text)
    if shaped is None:
        why = "not the address of a meter at home" if name == "HouseMeter" else "out of range"
        raise CommandError(INVALID, "%s: %s." % (name, why))
    return shaped


COMMANDS = {
    "settings": ("status", ("strict", ()), _read_settings),
    "networks": ("network", ("strict", ()), _networks),
    "set": ("status", ("obj", ()), _write_settings),  # each field has a check of its own
}
