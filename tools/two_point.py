"""The arithmetic of a two-point meter calibration. Runs in CPython (tools/calibrate.py) and in MicroPython (its tests).

Figures are dictionaries with lists of one entry a phase: "v" mV, "i" mA, "p" mW. What a meter saw also has "f_mhz",
"energy_mwh" (signed) and "ms". An entry is what calibration.json holds of one meter.
"""

import math

UNITY = 1000000
# By the kind of a calibration entry: whether the driver can move the current against the voltage; whether the chip has an
# energy counter of its own; seconds of a point (a count of the BL0942 is 0.19 Wh: 500 of them take so long); the error that
# may remain, ppm.
KINDS = {
    "ade7953": (True, True, 20, 5000),
    "atm90e32": (True, True, 20, 5000),
    "bl0942": (False, True, 180, 8000),
    "cse7766": (False, True, 20, 8000),
    "ct_adc": (True, False, 20, 10000),
}


class Unfit(Exception):
    """The procedure failed; the text gives the operator the reason."""


def nominal(kind: str, phases: int) -> dict:
    """The entry of an uncalibrated meter."""
    entry = {"kind": kind}
    for field in ("v", "i", "p", "e"):
        entry[field] = [UNITY] * phases
    entry["skew_ns"] = [0] * phases
    entry["sign"] = [1] * phases
    entry["floor_ma"] = [0] * phases
    return entry


def changed(entry: dict, **fields) -> dict:
    """A copy with some fields replaced."""
    copy = dict(entry)
    copy.update(fields)
    return copy


def with_floor(entry: dict, seen: dict) -> dict:
    """The entry with the current that was seen with nothing connected as noise floor."""
    if max(seen["i"]) > 500:
        raise Unfit("more than 0.5 A with no load: something is connected, or the wiring picks up noise")
    return changed(entry, floor_ma=list(seen["i"]))


def with_gains(entry: dict, seen: dict, wanted: dict) -> dict:
    """Gains, direction and energy factor out of point 1 (power factor 1)."""
    v, i, p, e, sign = [], [], [], [], []
    total_mw = sum(seen["p"])
    for n in range(len(entry["v"])):
        if seen["v"][n] * 2 < wanted["v"][n] or seen["i"][n] * 2 < wanted["i"][n]:
            raise Unfit("phase %d sees %d mV and %d mA: connected to this phase?" % (n + 1, seen["v"][n], seen["i"][n]))
        to_v = wanted["v"][n] / seen["v"][n]
        to_i = wanted["i"][n] / seen["i"][n]
        to_p = wanted["p"][n] / seen["p"][n]
        sign.append(entry["sign"][n] if to_p > 0 else -entry["sign"][n])
        v.append(round(entry["v"][n] * to_v))
        i.append(round(entry["i"][n] * to_i))
        p.append(round(entry["p"][n] * abs(to_p) / (to_v * to_i)))
    factor = 1.0
    if KINDS[entry["kind"]][1]:
        if not seen["energy_mwh"]:
            raise Unfit("no energy was counted")
        factor = total_mw * seen["ms"] / 3600000 / seen["energy_mwh"]
    for n in range(len(v)):
        e.append(round(entry["e"][n] * factor))
    return checked(changed(entry, v=v, i=i, p=p, e=e, sign=sign))


def lateness_ns(seen: dict, wanted: dict) -> list:
    """The delay of the measured current, per phase, out of a point with a lagging power factor."""
    late = []
    omega = 2 * math.pi * (seen["f_mhz"] or 50000) / 1000
    for n in range(len(seen["p"])):
        true = wanted["p"][n] * 1000 / (wanted["v"][n] * wanted["i"][n])
        found = seen["p"][n] * 1000 / (seen["v"][n] * seen["i"][n])
        if not 0.3 <= true <= 0.8:
            raise Unfit("the second point needs a lagging power factor of about 0.5, not %.2f" % true)
        late.append(round((math.acos(min(1.0, max(-1.0, found))) - math.acos(true)) / omega * 1e9))
    return late


def with_skew(entry: dict, late: list, seen: dict) -> dict:
    """Return the entry with the measured angle, and the power gain without the angle's share at point 1."""
    skew, p = [], []
    omega = 2 * math.pi * (seen["f_mhz"] or 50000) / 1000
    for n in range(len(late)):
        skew.append(entry["skew_ns"][n] + late[n])
        p.append(round(entry["p"][n] * math.cos(omega * late[n] * 1e-9)))
    return checked(changed(entry, skew_ns=skew, p=p))


def checked(entry: dict) -> dict:
    """The entry, if each figure is one that the firmware takes."""
    for field, low, high in (("v", 0.5, 1.5), ("i", 0.5, 1.5), ("p", 0.9, 1.1), ("e", 0.9, 1.1)):
        for value in entry[field]:
            if not low * UNITY <= value <= high * UNITY:
                raise Unfit("%s would be %.4f: wrong board data, wiring or reference?" % (field, value / UNITY))
    if max(abs(skew) for skew in entry["skew_ns"]) > 400000:
        raise Unfit("the current would have to move by more than 7 degrees: voltage and current of different phases?")
    return entry


def error_ppm(seen: dict, wanted: dict) -> int:
    """The largest relative error of V, I and P."""
    worst = 0
    for field in ("v", "i", "p"):
        for got, true in zip(seen[field], wanted[field]):
            worst = max(worst, abs(got - true) * UNITY // abs(true))
    return worst


def calibrate(unit, kind: str, phases: int, reference, tell) -> dict:
    """Run the procedure and return the entry; Unfit when the result would not do.

    unit.measure(entry, seconds)  what the meter sees with this entry
    reference(point)              sets the rig up for "none", "pf1" or "pf05" and returns its figures (None for "none")
    tell(text)                    progress for the operator
    """
    if kind not in KINDS:
        raise Unfit("there is no procedure for a meter " + kind)
    shifts, _, seconds, limit = KINDS[kind]
    entry = nominal(kind, phases)
    if kind == "ct_adc":
        reference("none")
        entry = with_floor(entry, unit.measure(entry, 10))
        tell("noise floor %s mA" % entry["floor_ma"])
    wanted = reference("pf1")
    entry = with_gains(entry, unit.measure(entry, seconds), wanted)
    tell("gains found: v %s, i %s, p %s, e %s ppm" % (entry["v"], entry["i"], entry["p"], entry["e"]))
    wanted = reference("pf05")
    seen = unit.measure(entry, 10)
    late = lateness_ns(seen, wanted)
    tell("current seen late by %s ns" % late)
    if shifts:
        entry, seen = _move(unit, entry, late, seen, wanted)
    worst = error_ppm(seen, wanted)
    tell("worst remaining error at the second point %.2f %%" % (worst / 10000))
    if worst > limit:
        raise Unfit("%.2f %% remain, more than %.2f %%" % (worst / 10000, limit / 10000))
    return entry


def _move(unit, entry: dict, late: list, seen: dict, wanted: dict) -> tuple:
    """Apply the skew and look whether it went the right way: the datasheets leave room for doubt about the sign."""
    moved = with_skew(entry, late, seen)
    after = unit.measure(moved, 10)
    left = lateness_ns(after, wanted)
    for n in range(len(left)):
        if abs(left[n]) > abs(late[n]) + 3000:
            raise Unfit("phase %d: moving the current made it worse (%d ns, then %d)" % (n + 1, late[n], left[n]))
    return moved, after
