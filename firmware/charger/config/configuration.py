"""The values of the configuration keys (config/keys.py): persisted changes, factory values, checks.

A value is the persisted change, else the factory's value, else the table's default. Names are compared without case
(OCPP-120).
"""

from micropython import const

from charger import log
from charger.config.installer_limit import InstallerLimit
from charger.config.keys import KEYS
from charger.metering import measurands
from charger.validate import house_meter, printable

FILE = "ocpp_config.json"
ACCEPTED = "Accepted"
REJECTED = "Rejected"
NOT_SUPPORTED = "NotSupported"


_WORDS = {"policy": ("latch", "stop", "report"), "country": ("GB", "DE", "none"), "solar": ("off", "surplus", "minimum")}
_SECRET = "ocpp/authorization-key"  # in the vault
_LONGEST = 500  # of any value (OCPP-120)
_TYPE, _ACCESS, _PROFILE, _DEFAULT = const(0), const(1), const(2), const(3)  # indices of a row
_FEW = const(16)  # names that are looked up in one slice
_LOW, _HIGH, _CHECK = const(4), const(5), const(6)


class Configuration:
    """All keys of one charge point. Names are compared without case (OCPP-120)."""

    def __init__(self, files: Files, factory: dict | None = None, more: dict | None = None, vault: Vault | None = None,
                 locked: bool = False):
        """`factory` maps names to text; `more` has further rows in the form of KEYS.
        `vault` holds write-only values (SEC-10): without one that is ready, such a key cannot be changed. `locked`: the unit
        was not provisioned, so every change is refused.

        Afterwards `unknown` lists the factory names that are not a key or have an invalid value.
        """
        self._files = files
        self._keys = KEYS
        if more:
            self._keys = dict(KEYS)
            self._keys.update(more)
        self._vault = vault
        self._phases = 1
        self._lacking = ()
        self._locked = locked
        self._may_raise = None
        self._before_change = None
        self._factory = {}
        self._listeners = []
        self.unknown = []
        factory = factory or {}
        for name in factory:
            key = self._key(name)
            value = None if key is None else _shaped(self._keys[key], str(factory[name]))
            if key is None or value is None:
                self.unknown.append(name)
            else:
                self._factory[key] = value
        self._load()
        self._move_key()

    def _load(self) -> None:
        """Read the persisted changes; invalid ones are dropped, keys of another version are kept unchanged."""
        changed = self._files.read_json(FILE)
        lost = changed is None and self._files.exists(FILE)
        changed = changed or {}
        self._limit = InstallerLimit(self._files, changed, lost)
        for name in list(changed):
            row = self._keys.get(name)
            if not isinstance(changed[name], str) or (row is not None and _shaped(row, changed[name]) is None):
                log.error("config", name + ": ignored, invalid value")
                del changed[name]
        self.changed = changed  # by name; a change makes another dictionary
        self._limit.apply(changed)

    def repair(self, on_event: Callable, marks: Any | None = None) -> None:
        """Record damaged or lost limits of the installer in the security log and write them again; see settle()."""
        self._limit.repair(on_event, marks)
        self._limit.apply(self.changed)

    def _move_key(self) -> None:
        """Move an AuthorizationKey that earlier firmware stored unencrypted into the vault."""
        plain = self.changed.get("AuthorizationKey")
        if plain is None or self._vault is None or not self._vault.ready:
            return
        try:
            if _SECRET not in self._vault.names():
                self._vault.put(_SECRET, plain.encode())
            changed = dict(self.changed)
            del changed["AuthorizationKey"]
            self._files.write_json(FILE, changed)
            self.changed = changed
        except OSError as error:
            log.error("config", "AuthorizationKey not moved: " + log.reason(error))

    def _secret(self) -> str | None:
        """Read the AuthorizationKey from the vault."""
        if self._vault is None or _SECRET not in self._vault.names():
            return None
        kept = self._vault.get(_SECRET)
        return "" if kept is None else kept.decode()

    @property
    def key_lost(self) -> bool:
        """True when the vault had an AuthorizationKey that is damaged: the unit must be provisioned again."""
        return self._vault is not None and self._vault.broken in ("index", _SECRET)

    def describe_hardware(self, phases: int, lacking: tuple = ()) -> None:
        """Set the available measurands: the number of phases of the meters, and the measurands without a sensor."""
        self._phases = phases
        self._lacking = lacking

    def use_link_checks(self, may_raise: Callable, before_change: Callable | None = None) -> None:
        """may_raise(profile) returns whether a security profile can be used now (WP-3); before_change(name) is called before
        a change by the back end is written, and may raise OSError."""
        self._may_raise = may_raise
        self._before_change = before_change

    def set_default(self, name: str, value: str, always: bool = False) -> None:
        """Set a default that only the running unit knows; with `always` it overrides the factory's value.

        Invalid values are ignored, as factory values are.
        """
        if always or name not in self._factory:
            row = self._keys.get(name)
            shaped = None if row is None else _shaped(row, value)
            if shaped is not None:
                self._factory[name] = shaped

    # --- reading ---

    def get_str(self, name: str) -> str:
        """Return the value as text. KeyError for a name that is not in the table."""
        value = self.changed.get(name)
        if name == "AuthorizationKey":
            kept = self._secret()
            value = value if kept is None else kept
            if value is None and self.key_lost:
                value = ""
        if value is None:
            value = self._factory.get(name)
        if value is None:
            value = self._keys[name][_DEFAULT]
        return value

    def get_int(self, name: str) -> int:
        """Return the value of an integer key."""
        return int(self.get_str(name))

    def get_bool(self, name: str) -> bool:
        """Return the value of a boolean key."""
        return self.get_str(name) == "true"

    def get_list(self, name: str) -> list:
        """Return the items of a list key, without empty ones."""
        return [item for item in self.get_str(name).split(",") if item]

    def typed(self, name: str) -> Any:
        """Return the value by its type: bool, int or text."""
        kind = self._keys[name][_TYPE]
        value = self.get_str(name)
        return value == "true" if kind == "b" else int(value) if kind == "i" else value

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
        """True while a feature profile is enabled; Core always is."""
        return profile == "Core" or "," + profile + "," in "," + self.get_str("SupportedFeatureProfiles") + ","

    def report(self, names: list) -> Steps:
        """The answer to GetConfiguration with names (OCPP-74). A generator of slices."""
        known, unknown = [], []
        spellings = None  # all keys in lower case, made when a request has a name in another spelling
        for name in names:
            if (len(known) + len(unknown)) % _FEW == _FEW - 1:
                yield
            key = name
            if name not in self._keys:
                if spellings is None:
                    spellings = {known_key.lower(): known_key for known_key in self._keys}
                key = spellings.get(name.lower())
            if key is None or not self._is_offered(self._keys[key]):
                unknown.append(name)
            else:
                known.append(self._entry(key, self._keys[key], self.changed))
        answer = {}
        if known:
            answer["configurationKey"] = known
        if unknown:
            answer["unknownKey"] = unknown
        return answer

    def readable(self, changed: dict) -> Iterator:
        """Iterate the configurationKey entries of all readable keys, by the `changed` of now or of a moment before."""
        profiles = "," + self._plain("SupportedFeatureProfiles", changed) + ",Core,"
        for name, row in self._keys.items():
            if "R" in row[_ACCESS] and "," + row[_PROFILE] + "," in profiles:
                yield self._entry(name, row, changed)

    def _is_offered(self, row: tuple) -> bool:
        return row[_ACCESS] != "D" and self.has_profile(row[_PROFILE])

    def all(self) -> dict:
        """Return name to value of every key and device fact, secrets masked; for the local API and the control port."""
        return {name: "" if row[_ACCESS] == "W" else self.get_str(name) for name, row in self._keys.items()}

    def _plain(self, name: str, changed: dict) -> str:
        """Return the value, by `changed`, of a key that is not in the vault."""
        value = changed.get(name)
        if value is None:
            value = self._factory.get(name)
        return self._keys[name][_DEFAULT] if value is None else value

    def _entry(self, name: str, row: tuple, changed: dict) -> dict:
        entry = {"key": name, "readonly": row[_ACCESS] == "R"}
        if row[_ACCESS] != "W":  # the key itself never leaves the unit (OCPP-8)
            entry["value"] = self._plain(name, changed)[:_LONGEST]
        return entry

    # --- changing ---

    def on_change(self, name: str, listener: Callable) -> None:
        """Register listener(value: str), called after each accepted change of a key."""
        self._listeners.append((name, listener))

    def change(self, name: str, value: str) -> str:
        """Do a ChangeConfiguration (OCPP-73) and return its status; an accepted change is on flash then."""
        key = self._key(name)
        if key is None:
            return NOT_SUPPORTED
        row = self._keys[key]
        if row[_ACCESS] == "D" or not self.has_profile(row[_PROFILE]):
            return NOT_SUPPORTED
        if "W" not in row[_ACCESS] or len(value) > _LONGEST:
            return REJECTED
        shaped = _shaped(row, value)
        if shaped is None or not self._check(row, shaped):
            return REJECTED
        if self._locked:
            log.error("config", key + " refused: this unit is not provisioned")
            return REJECTED
        if row[_ACCESS] == "W" and (self._vault is None or not self._vault.ready):
            log.error("config", key + " refused: no vault is ready")
            return REJECTED
        try:
            if self._before_change is not None:
                self._before_change(key)
            self.put(key, shaped)
        except OSError as error:
            log.error("config", "%s not written: %s" % (key, log.reason(error)))
            return REJECTED
        return ACCEPTED

    def fits(self, name: str, value: str) -> bool:
        """True for a value within a key's type and range."""
        return _shaped(self._keys[name], value) is not None

    def normalise(self, name: str, value: str) -> str | None:
        """Return the canonical value that a person at the unit may set for a key or a device fact; None if invalid."""
        key = self._key(name)
        row = None if key is None else self._keys[key]
        if row is None or row[_ACCESS] == "R" or self._locked or len(value) > _LONGEST:
            return None
        shaped = _shaped(row, value)
        return shaped if shaped is not None and self._check(row, shaped) else None

    def put(self, name: str, value: str, quiet: bool = False) -> None:
        """Store a value, without the check whether the back end may change it. OSError by the flash.

        Listeners are called unless `quiet`.
        """
        if name == "AuthorizationKey":
            if self._vault is None:
                raise OSError("no vault")
            self._vault.put(_SECRET, value.encode())
            log.info("config", name + " changed")
        elif self.get_str(name) != value:
            changed = dict(self.changed)
            changed[name] = value
            self._limit.write(name, changed)  # before the settings: see InstallerLimit
            self._files.write_json(FILE, changed)
            self.changed = changed
            log.info("config", name + " changed")
        for wanted, listener in self._listeners:
            if wanted == name and not quiet:
                listener(value)

    def _check(self, row: tuple, value: str) -> bool:
        """Do the checks beyond type and range."""
        check = row[_CHECK]
        if check == "measurands":
            return all(self._is_measured(item) for item in value.split(",") if item)
        if check == "rotation":
            items = [item for item in value.split(",") if item]
            most = self.get_int("ConnectorPhaseRotationMaxLength")
            return len(items) <= most and all(_is_rotation(item, self.get_int("NumberOfConnectors")) for item in items)
        if check == "aligned":  # aligned to midnight, so it must divide the day (OCPP-91)
            return value == "0" or 86400 % int(value) == 0
        if check == "raise":  # OCPP may not lower the profile (WP-2)
            if int(value) <= self.get_int("SecurityProfile"):
                return False
            return self._may_raise is not None and self._may_raise(int(value))
        if check == "lock":  # a tethered unit has no lock that could hold a cable
            return self.get_bool("ConnectorLock") or value == "true"
        if check == "amps":  # 0 for no limit; a pilot cannot signal less than 6 A (CP-14)
            return value == "0" or int(value) >= 6
        if check == "meter":
            return house_meter(value)
        if check in _WORDS:
            return value in _WORDS[check]
        if check == "numbers":  # ids of charging profiles
            return all(_integer(item) is not None for item in value.split(",") if item)
        if check == "key":
            return key_bytes(value) is not None
        return True

    def _is_measured(self, item: str) -> bool:
        """True for an item of a measurand list that this unit measures."""
        return measurands.supported(item, self._phases) and item not in self._lacking

    # --- the table ---

    def _key(self, name: str) -> str | None:
        """Return a key's name as in the table, None for a name that is not a key. The length is compared first, for speed."""
        if name in self._keys:
            return name
        if not isinstance(name, str):
            return None
        length, wanted = len(name), name.lower()
        for key in self._keys:
            if len(key) == length and key.lower() == wanted:
                return key
        return None


def key_bytes(text: str, verbatim: bool = False) -> bytes | None:
    """Return the bytes of an AuthorizationKey for the Basic header (OCPP-6, OCPP-7); None for an invalid value."""
    size = len(text)
    if verbatim:
        return text.encode() if 16 <= size <= 40 else None
    if 32 <= size <= 40:
        if size % 2 or not all(ch in "0123456789abcdefABCDEF" for ch in text):
            return None
        return bytes(int(text[at : at + 2], 16) for at in range(0, size, 2))
    return text.encode() if 16 <= size <= 20 else None


def _shaped(row: tuple, value: str) -> str | None:
    """Return the canonical value, or None when type or range are wrong."""
    kind = row[_TYPE]
    low, high = row[_LOW], row[_HIGH]
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
    if len(value) < low or (high is not None and len(value) > high) or not printable(value):
        return None
    return value


def _integer(text: str) -> int | None:
    """Parse a decimal integer; int() alone would accept spaces and underscores."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not 1 <= len(digits) <= 10 or not digits.isdigit():
        return None
    return int(text)


def _is_rotation(item: str, connectors: int) -> bool:
    """True for `<connector>.<rotation>` of ConnectorPhaseRotation."""
    number, dot, rotation = item.partition(".")
    if not dot or not number.isdigit() or int(number) > connectors:
        return False
    return rotation in ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
