"""The OCPP configuration keys (C.11, D.5): one table of text, the changes on flash, the values a factory gave.

The table is a string on purpose: with the code in flash it costs no heap, and a key is looked up by searching it. A
value is what was changed and persisted, else what the factory set, else the table's default.

A row is `Name|type|access|profile|default|low|high|check`:
type    b boolean, i integer, l comma separated list, s string
access  R, RW, W (write-only, OCPP-8), D (a fact about the device: settable by the factory, not a key of OCPP)
profile the feature profile without which the key is absent (OCPP-120)
low, high  range of an integer, or of the length of a string or list
check   the name of one more check, see _check()
"""

from charger import log
from charger.metering import measurands

FILE = "ocpp_config.json"
ACCEPTED = "Accepted"
REJECTED = "Rejected"
NOT_SUPPORTED = "NotSupported"

_TABLE = """
AllowOfflineTxForUnknownId|b|RW|Core|false
AuthorizationCacheEnabled|b|RW|Core|true
AuthorizeRemoteTxRequests|b|RW|Core|false
BlinkRepeat|i|RW|Core|3|0|100
ClockAlignedDataInterval|i|RW|Core|0|0|86400|aligned
ConnectionTimeOut|i|RW|Core|60|1|86400
ConnectorPhaseRotation|l|RW|Core||0||rotation
ConnectorPhaseRotationMaxLength|i|R|Core|5
GetConfigurationMaxKeys|i|R|Core|100
HeartbeatInterval|i|RW|Core|86400|1|604800
LightIntensity|i|RW|Core|100|0|100
LocalAuthorizeOffline|b|RW|Core|true
LocalPreAuthorize|b|RW|Core|false
MaxEnergyOnInvalidId|i|RW|Core|0|0|1000000
MeterValuesAlignedData|l|RW|Core|Energy.Active.Import.Register|0|16|measurands
MeterValuesAlignedDataMaxLength|i|R|Core|16
MeterValuesSampledData|l|RW|Core|Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Current.Offered|0|16|measurands
MeterValuesSampledDataMaxLength|i|R|Core|16
MeterValueSampleInterval|i|RW|Core|60|0|86400
MinimumStatusDuration|i|RW|Core|0|0|3600
NumberOfConnectors|i|R|Core|1
ResetRetries|i|RW|Core|1|0|10
StopTransactionOnEVSideDisconnect|b|R|Core|true
StopTransactionOnInvalidId|b|RW|Core|true
StopTxnAlignedData|l|RW|Core||0|16|measurands
StopTxnAlignedDataMaxLength|i|R|Core|16
StopTxnSampledData|l|RW|Core||0|16|measurands
StopTxnSampledDataMaxLength|i|R|Core|16
SupportedFeatureProfiles|l|R|Core|Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger
TransactionMessageAttempts|i|RW|Core|3|1|100
TransactionMessageRetryInterval|i|RW|Core|60|0|86400
UnlockConnectorOnEVSideDisconnect|b|RW|Core|true|||lock
WebSocketPingInterval|i|RW|Core|60|0|86400
LocalAuthListEnabled|b|RW|LocalAuthListManagement|true
LocalAuthListMaxLength|i|R|LocalAuthListManagement|200
SendLocalListMaxLength|i|R|LocalAuthListManagement|50
ReserveConnectorZeroSupported|b|R|Reservation|true
ChargeProfileMaxStackLevel|i|R|SmartCharging|10
ChargingScheduleAllowedChargingRateUnit|l|R|SmartCharging|Current,Power
ChargingScheduleMaxPeriods|i|R|SmartCharging|24
ConnectorSwitch3to1PhaseSupported|b|R|SmartCharging|false
MaxChargingProfilesInstalled|i|R|SmartCharging|10
SupportedFileTransferProtocols|l|R|FirmwareManagement|HTTPS
AdditionalRootCertificateCheck|b|R|Core|false
CertificateSignedMaxChainSize|i|R|Core|10000|1000|10000
CertificateStoreMaxLength|i|R|Core|6|1|6
AuthorizationKey|s|W|Core||16|40|key
CpoName|s|RW|Core||0|64
SecurityProfile|i|RW|Core|0|0|3|raise
FreeVend|b|RW|Core|false
FreeVendIdTag|s|RW|Core|FreeVend|1|20
AuthorizationKeyVerbatim|b|D|Core|false
ChargePointVendor|s|D|Core|
ChargePointModel|s|D|Core|
ChargeBoxSerialNumber|s|D|Core|
ChargePointSerialNumber|s|D|Core|
MeterType|s|D|Core|
MeterSerialNumber|s|D|Core|
FirmwareVersion|s|D|Core|
ConnectorLock|b|D|Core|true
SupplyVoltage|i|D|Core|230|100|1000
CompositeScheduleDefaultLimitAmps|i|D|SmartCharging|0|0|1000
CompositeScheduleDefaultLimitWatts|i|D|SmartCharging|0|0|1000000
CompositeScheduleDefaultNumberPhases|i|D|SmartCharging|0|0|3
VerifyCsmsCommonName|b|D|Core|true
TamperPolicy|s|D|Core|latch|4|6|policy
InstallerMaxCurrent|i|D|Core|0|0|80|amps
RetryBackoffWaitMinimum|i|D|Core|10|0|3600
RetryBackoffRandomRange|i|D|Core||0|3600
"""

_SECRET = "ocpp/authorization-key"  # in the vault
_LONGEST = 500  # of any value (OCPP-120)
_TYPE, _ACCESS, _PROFILE, _DEFAULT, _LOW, _HIGH, _CHECK = range(1, 8)


class Configuration:
    """All keys of one charge point. Names are compared without case (OCPP-120)."""

    def __init__(self, files, factory: dict | None = None, more: str = "", vault=None):
        """`factory` maps names to text; `more` holds further rows in the form of the table (keys of other domains).
        `vault` keeps what is write-only (SEC-10): without one that is ready, such a key cannot be changed.

        Afterwards `unknown` lists the factory names that are no key, and those whose value is of no use.
        """
        self._files = files
        self._more = more
        self._vault = vault
        self.phases = 1  # of the unit's meters: decides which measurands there are
        self.lacking = ()  # measurands that this unit has no sensor for
        self.locked = False  # a unit that was not provisioned takes no change from anybody
        self.may_raise = None  # may_raise(profile) says whether a security profile can be used now (WP-3)
        self.before_change = None  # before_change(name) is told of a change of the back end's, and may raise OSError
        self._factory = {}
        self._listeners = []
        self.unknown = []
        factory = factory or {}
        for name in factory:
            row = self._row(name)
            value = None if row is None else _shaped(row, _text(factory[name]))
            if row is None or value is None:
                self.unknown.append(name)
            else:
                self._factory[row[0]] = value
        changed = files.read_json(FILE, {})
        for name in list(changed):  # keys of another version stay as they are
            row = self._row(name)
            if not isinstance(changed[name], str) or (row is not None and _shaped(row, changed[name]) is None):
                log.error("config", name + ": ignored, not a value that it can have")
                del changed[name]
        self._changed = changed
        self._move_key()

    def _move_key(self):
        """An AuthorizationKey that earlier firmware left in plain sight goes into the vault."""
        plain = self._changed.get("AuthorizationKey")
        if plain is None or self._vault is None or not self._vault.ready:
            return
        try:
            if _SECRET not in self._vault.names():
                self._vault.put(_SECRET, plain.encode())
            changed = dict(self._changed)
            del changed["AuthorizationKey"]
            self._files.write_json(FILE, changed)
            self._changed = changed
        except OSError as error:
            log.error("config", "AuthorizationKey not moved: " + log.reason(error))

    def _secret(self) -> str | None:
        """The AuthorizationKey out of the vault."""
        if self._vault is None or _SECRET not in self._vault.names():
            return None
        kept = self._vault.get(_SECRET)
        return "" if kept is None else kept.decode()

    @property
    def key_lost(self) -> bool:
        """True when there was an AuthorizationKey in the vault and it does not hold: the unit must be provisioned."""
        return self._vault is not None and self._vault.broken in ("index", _SECRET)

    def give(self, name: str, value: str, always: bool = False):
        """A default that only the running unit knows; with `always` it goes before what the factory said.

        Values from outside the table's form are dropped, as they would be from the factory.
        """
        if always or name not in self._factory:
            row = self._row(name)
            shaped = None if row is None else _shaped(row, value)
            if shaped is not None:
                self._factory[name] = shaped

    # --- reading ---

    def get_str(self, name: str) -> str:
        """The value as text. KeyError for a name that is not in the table."""
        value = self._changed.get(name)
        if name == "AuthorizationKey":
            kept = self._secret()
            value = value if kept is None else kept
            if value is None and self.key_lost:
                value = ""
        if value is None:
            value = self._factory.get(name)
        if value is None:
            row = self._row(name)
            if row is None:
                raise KeyError(name)
            value = row[_DEFAULT]
        return value

    def get_int(self, name: str) -> int:
        """The value of an integer key."""
        return int(self.get_str(name))

    def get_bool(self, name: str) -> bool:
        """The value of a boolean key."""
        return self.get_str(name) == "true"

    def get_list(self, name: str) -> list:
        """The items of a list key, without empty ones."""
        return [item for item in self.get_str(name).split(",") if item]

    def typed(self, name: str):
        """The value as what it is: bool, int or text."""
        row = self._row(name)
        if row is None:
            raise KeyError(name)
        value = self.get_str(row[0])
        return value == "true" if row[_TYPE] == "b" else int(value) if row[_TYPE] == "i" else value

    @property
    def connection_timeout_s(self) -> int:
        """ConnectionTimeOut, for the connectors (OCPP-59)."""
        return self.get_int("ConnectionTimeOut")

    @property
    def unlock_on_disconnect(self) -> bool:
        """UnlockConnectorOnEVSideDisconnect, for the connectors."""
        return self.get_bool("UnlockConnectorOnEVSideDisconnect")

    @property
    def supply_volts(self) -> int:
        """SupplyVoltage: the nominal voltage of a phase, for the connectors."""
        return self.get_int("SupplyVoltage")

    def has_profile(self, profile: str) -> bool:
        """True while a feature profile is switched on; Core always is."""
        return profile == "Core" or profile in self.get_list("SupportedFeatureProfiles")

    def report(self, names: list | None = None) -> tuple:
        """(configurationKey list, unknownKey list) of GetConfiguration; all readable keys without names (OCPP-74)."""
        known, unknown = [] if names else list(self.readable()), []
        for name in names or ():
            row = self._row(name)
            if row is None or row[_ACCESS] == "D" or not self.has_profile(row[_PROFILE]):
                unknown.append(name)
            else:
                known.append(self._entry(row))
        return known, unknown

    def readable(self):
        """Iterate the configurationKey entries of all keys that can be read."""
        for row in self._rows():
            if "R" in row[_ACCESS] and self.has_profile(row[_PROFILE]):
                yield self._entry(row)

    def all(self) -> dict:
        """Name to value of every key and device fact, secrets without their value: for people and the control port."""
        return {row[0]: "" if row[_ACCESS] == "W" else self.get_str(row[0]) for row in self._rows()}

    def _entry(self, row) -> dict:
        entry = {"key": row[0], "readonly": row[_ACCESS] == "R"}
        if row[_ACCESS] != "W":  # the key itself never leaves the unit (OCPP-8)
            entry["value"] = self.get_str(row[0])[:_LONGEST]
        return entry

    # --- changing ---

    def on_change(self, name: str, listener) -> None:
        """Call listener(value: str) after each accepted change of a key."""
        self._listeners.append((name, listener))

    def change(self, name: str, value: str) -> str:
        """ChangeConfiguration (OCPP-73): the status; an accepted change is on flash when this returns."""
        row = self._row(name)
        if row is None or row[_ACCESS] == "D" or not self.has_profile(row[_PROFILE]):
            return NOT_SUPPORTED
        if "W" not in row[_ACCESS] or len(value) > _LONGEST:
            return REJECTED
        shaped = _shaped(row, value)
        if shaped is None or not self._check(row, shaped):
            return REJECTED
        if self.locked:
            log.error("config", row[0] + " refused: this unit is not provisioned")
            return REJECTED
        if row[_ACCESS] == "W" and (self._vault is None or not self._vault.ready):
            log.error("config", row[0] + " refused: there is no vault to keep it in")
            return REJECTED
        try:
            if self.before_change is not None:
                self.before_change(row[0])
            self.put(row[0], shaped)
        except OSError as error:
            log.error("config", "%s not written: %s" % (row[0], log.reason(error)))
            return REJECTED
        return ACCEPTED

    def takes(self, name: str, value: str) -> str | None:
        """The value in its one spelling when a person at the unit may give it to a key, facts of the device too; else None."""
        row = self._row(name)
        if row is None or row[_ACCESS] == "R" or self.locked or len(value) > _LONGEST:
            return None
        shaped = _shaped(row, value)
        return shaped if shaped is not None and self._check(row, shaped) else None

    def put(self, name: str, value: str, quiet: bool = False) -> None:
        """Store a value without asking whether the back end may change it. OSError by the flash.

        Listeners are told, unless it is `quiet`.
        """
        if name == "AuthorizationKey":
            if self._vault is None:
                raise OSError("no vault")
            self._vault.put(_SECRET, value.encode())
            log.info("config", name + " changed")
        elif self.get_str(name) != value:
            changed = dict(self._changed)
            changed[name] = value
            self._files.write_json(FILE, changed)
            self._changed = changed
            log.info("config", name + " changed")
        for wanted, listener in self._listeners:
            if wanted == name and not quiet:
                listener(value)

    def _check(self, row, value: str) -> bool:
        """The checks that need more than a type and a range."""
        check = row[_CHECK]
        if check == "measurands":
            return all(self._is_measured(item) for item in value.split(",") if item)
        if check == "rotation":
            return all(_is_rotation(item, self.get_int("NumberOfConnectors")) for item in value.split(",") if item)
        if check == "aligned":  # from midnight, so that it must divide the day (OCPP-91)
            return value == "0" or 86400 % int(value) == 0
        if check == "raise":  # never back down over OCPP (WP-2)
            if int(value) <= self.get_int("SecurityProfile"):
                return False
            return self.may_raise is not None and self.may_raise(int(value))
        if check == "lock":  # a tethered unit has no lock to open
            return self.get_bool("ConnectorLock") or value == "false"
        if check == "amps":  # 0 for none; less than 6 A no pilot can say (CP-14)
            return value == "0" or int(value) >= 6
        if check == "policy":
            return value in ("latch", "stop", "report")
        if check == "key":
            return key_bytes(value) is not None
        return True

    def _is_measured(self, item: str) -> bool:
        """True for an item of a measurand list that this unit can deliver."""
        return measurands.supported(item, self.phases) and item not in self.lacking

    # --- the table ---

    def _rows(self):
        for table in (_TABLE, self._more):
            start = 1
            while start < len(table):
                end = table.find("\n", start)
                if end < 0:
                    end = len(table)
                yield _split(table[start:end])
                start = end + 1

    def _row(self, name: str):
        """The row of a key, None without one. As written in the table it is found by one search."""
        if not isinstance(name, str) or "|" in name or "\n" in name or not name:
            return None
        for table in (_TABLE, self._more):
            at = table.find("\n" + name + "|")
            if at >= 0:
                return _split(table[at + 1 : table.find("\n", at + 1)])
        wanted = name.lower()
        for row in self._rows():
            if row[0].lower() == wanted:
                return row
        return None


def key_bytes(text: str, verbatim: bool = False) -> bytes | None:
    """The bytes of an AuthorizationKey for the Basic header (OCPP-6, OCPP-7); None for a value that is no key."""
    size = len(text)
    if verbatim:
        return text.encode() if 16 <= size <= 40 else None
    if 32 <= size <= 40:
        if size % 2 or not all(ch in "0123456789abcdefABCDEF" for ch in text):
            return None
        return bytes(int(text[at : at + 2], 16) for at in range(0, size, 2))
    return text.encode() if 16 <= size <= 20 else None


def _split(line: str) -> list:
    row = line.split("|")
    return row + [""] * (8 - len(row))


def _text(value) -> str:
    """A factory value as the table writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _shaped(row, value: str) -> str | None:
    """The value in its one spelling, or None when type or range are wrong."""
    kind = row[_TYPE]
    low = int(row[_LOW] or 0)
    high = int(row[_HIGH]) if row[_HIGH] else None
    if kind == "b":
        value = value.strip().lower()
        return value if value in ("true", "false") else None
    if kind == "i":
        number = _integer(value.strip())
        if number is None or number < low or (high is not None and number > high):
            return None
        return str(number)
    if kind == "l":
        items = [item.strip() for item in value.split(",")]
        if items == [""]:
            items = []
        if "" in items or (high is not None and len(items) > high):
            return None
        return ",".join(items)
    if len(value) < low or (high is not None and len(value) > high):
        return None
    return value


def _integer(text: str) -> int | None:
    """A plain decimal whole number; int() alone would take spaces and underscores."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not 1 <= len(digits) <= 10 or not digits.isdigit():
        return None
    return int(text)


def _is_rotation(item: str, connectors: int) -> bool:
    """`<connector>.<rotation>` of ConnectorPhaseRotation."""
    number, dot, rotation = item.partition(".")
    if not dot or not number.isdigit() or int(number) > connectors:
        return False
    return rotation in ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
