"""One unit's calibration: gains in ppm, current skew in ns, wiring sign. A damaged or foreign one is none (MET-3).

Gains are coupled the way the physics is: power is scaled by v * i * p, energy by v * i * p * e, so p and e stay near
1_000_000 on a healthy unit and a far value gives a mix-up away.
"""

try:
    from micropython import const  # type: ignore[assignment]
except ImportError:  # tools/calibrate.py imports this file in CPython

    def const(value: Any):
        return value


UNITY = const(1000000)  # ppm
FILE = "calibration.json"
VERSION = const(1)
_LIMITS = {  # field: (lowest, highest, nominal)
    "v": (500000, 1500000, UNITY),
    "i": (500000, 1500000, UNITY),
    "p": (900000, 1100000, UNITY),
    "e": (900000, 1100000, UNITY),
    "skew_ns": (-400000, 400000, 0),  # how late the current is seen after the voltage; 55556 ns = 1 degree at 50 Hz
    "sign": (-1, 1, 1),
    "floor_ma": (0, 500, 0),  # RMS current shown with nothing connected
}


class Calibration:
    """Gains of one meter. Without arguments beyond kind and phases: the nominal ones, for a unit being calibrated."""

    v: list
    i: list
    p: list
    e: list
    skew_ns: list
    sign: list
    floor_ma: list

    def __init__(self, kind: str, phases: int = 1):
        self.kind = kind
        self.phases = phases
        for field, limits in _LIMITS.items():
            setattr(self, field, [limits[2]] * 3)

    def to_json(self) -> dict:
        """The plain object that from_json() reads back."""
        entry = {"kind": self.kind}
        for field in _LIMITS:
            entry[field] = getattr(self, field)[: self.phases]
        return entry


def from_json(entry: Any, kind: str, phases: int = 1):
    """A Calibration of one meter entry; ValueError with the reason when it is not one for this kind of meter."""
    if not isinstance(entry, dict):
        raise ValueError("no entry")
    if entry.get("kind") != kind:
        raise ValueError("made for another kind of meter")
    calibration = Calibration(kind, phases)
    for field, (low, high, _) in _LIMITS.items():
        values = entry.get(field)
        if not isinstance(values, list) or len(values) != phases:
            raise ValueError(field + " missing")
        for phase, value in enumerate(values):
            if type(value) is not int or not low <= value <= high or (field == "sign" and value == 0):
                raise ValueError(field + " out of range")
            getattr(calibration, field)[phase] = value
    return calibration


def entry_of(stored: Any, outlet_id: int):
    """The entry of one outlet in what Files.read_json(FILE, None) gave; None when it is not there."""
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        return None
    meters = stored.get("meters")
    return meters.get(str(outlet_id)) if isinstance(meters, dict) else None


def stored_form(entries: dict) -> dict:
    """The content of FILE: entries maps outlet numbers to Calibration.to_json() objects."""
    return {"version": VERSION, "meters": {str(outlet): entry for outlet, entry in entries.items()}}
