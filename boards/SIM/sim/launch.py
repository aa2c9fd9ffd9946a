"""The simulator's start options: one dictionary, filled by start.py from the first line of the link.

Unit tests leave the defaults or change them before they import `board` or make a world. Secrets come this way and
not through argv or the environment of the interpreter.
"""

# --set values that are for the simulated board and no configuration keys
OURS = (
    "MeterKind", "HouseKind", "ReaderKind", "DisplayKind", "LanKind", "HardwareRevision", "WifiNetwork", "HandshakeMs",
    "ContactorActive", "ContactorContact", "AdcConversionUs", "MonitorReset", "SetupPorts", "HomeHost",
)  # fmt: skip
host_root = ""  # where the host's files are: /host while a real board's file system is at / (real_board.py)

config = {
    "board": None,  # name of a real board whose board.py runs, None: the simulated board's own
    "connectors": 1,
    "seed": 1,
    "time_scale": 1.0,
    "pace": None,  # name of a chip or a factor: code and hardware take board time
    "flash_time": "typical",  # or "worst", with a pace
    "trace": False,  # tell the host every OCPP message
    "tls_heap": None,  # bytes for TLS outside of the interpreter's heap; None: no limit
    "state_dir": None,  # None: nothing is kept, flash and NVS live in memory
    "csms": None,  # URL without the identity
    "csms_secure": None,  # the same for links by TLS, where it is another one
    "identity": None,
    "serial": None,  # of the unit that the state directory is, once it was provisioned
    "provision": None,  # the record for a unit that was not, see credentials/provisioning.py
    "security_profile": 0,
    "basic_auth_password": None,
    "ca": None,  # PEM text, as are the next two
    "client_cert": None,
    "client_key": None,
    "web": None,  # "HOST:PORT"
    "mqtt": None,
    "mqtt_ca": None,  # PEM text
    "mqtt_password": None,
    "lab": False,
    "update_hosts": (),
    "update_ca": None,  # PEM text
    "update_url": None,
    "update_keys": (),  # hexadecimal
    "set": {},  # factory values, text by standard key name
    "word": 64,
    "heap": None,
    "reserve": 0,  # bytes of the heap that the firmware gets in one piece; 0: what the world leaves free
    "romfs": None,  # path of a ROMFS image to run the firmware from
    "frozen": None,  # path of this interpreter when it holds the firmware frozen
    "run_counter": None,  # file in which the process that controls the charger counts while it runs, see loop_wait.py
    "boot_delay_ms": 0,
    "reset_cause": 1,  # machine.reset_cause() of this start
    "kept": None,  # link.kept() of before the reboot
    "link_fd": 0,  # where commands come in; stdin is the serial line of the console unless it is 0
    "measure": False,  # only say how much heap the world takes, then end
}


def setting(key, default):
    """A --set value by its name, as text, or the default."""
    return config["set"].get(key, default)


def setup_ports():
    """--set SetupPorts=DNS/HTTP as board data, None without: a board's 53 and 80 are not for everybody on a host."""
    names, slash, plain = setting("SetupPorts", "").partition("/")
    return {"dns": int(names), "http": int(plain)} if slash else None


def is_true(text):
    """OCPP writes booleans as true and false, in any case."""
    return str(text).lower() == "true"
