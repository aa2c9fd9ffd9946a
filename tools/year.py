"""A simulated year of households with the firmware's planner: a table, plots and one HTML page in build/year/.

Energy, cost against a charger without a plan, against the best possible plan (a linear programme that knows all prices and
all sun, and has no random delay) and against the best plan that knows what a charger can know, which is the regret; self-
consumption, movements of the contactor. The invariants that the tests hold for a week are checked for the whole year, and its
regret; ends with code 1 when one does not hold.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "host_tests"), str(ROOT / "tools")]

from cli import in_range  # noqa: E402 - found by the path above

from mpy.interpreter import binary, environment  # noqa: E402 - found by the path above

FOUR = "four on a fuse"
CASES = ("tariff", "no delay", "solar", "no tariff", "small fuse", FOUR)
EXPORT = 500  # hundredths a kWh that the grid pays
DAY_S, SLOT_S, PIECE_S = 86400, 1800, 300
MARGIN_S = 2100  # random delays of two starts, an outage and the steps of the model
MOST_REGRET = 3.0  # per cent, of a whole year
MOST_FLIPS = 60  # movements of the contactor a session
SEED = 7


def play(case, first=0, days=365, seed=SEED):
    """The output of year_on_device.py, for four chargers on one fuse of group_on_device.py."""
    script = ["group_on_device.py"] if case == FOUR else ["year_on_device.py", case]
    done = subprocess.run(
        [str(binary(64)), "-X", "heapsize=96M", f"host_tests/charging/{script[0]}",
         *script[1:], str(first), str(days), str(seed)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{case}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return json.loads(done.stdout.rsplit("\x1e", 1)[1])


def feasible(session, power_w):
    """True when the hours before the departure are long enough for what was wanted, with the margin."""
    seconds = sum(slot[2] for slot in session["slots"]) - MARGIN_S - (900 if session["cut"] else 0)
    return session["wanted_wh"] * 3600 <= seconds * power_w


def broken(found):
    """The invariants that do not hold, in words."""
    words = []
    if found["peak_wh"]:
        words.append(f"{found['peak_wh']} Wh in peak hours without an override")
    if found["worst_over_s"] > 2:
        words.append(f"the supply was exceeded for {found['worst_over_s']} s")
    if found["worst_flips"] > MOST_FLIPS:
        words.append(f"{found['worst_flips']} movements of the contactor in a session")
    # by what the house leaves, 10 A in the mean, and by a fourth of the fuse
    power_w = 6900 if found["case"] in ("small fuse", FOUR) else found["power_w"]
    for session in found["sessions"]:
        if feasible(session, power_w) and session["wh"] < 0.99 * session["wanted_wh"]:
            words.append(f"{session['wh']} of {session['wanted_wh']} Wh at the departure {session['leave']}")
    return words


def dumb_cost(session, power_w):
    """Cost in hundredths x kWh of a charger that begins when the car comes."""
    left, cost = session["wh"], 0
    for _, price, _, sun, _, _, seconds, _ in session["slots"]:
        energy = min(left, power_w * seconds / 3600)
        cost += max(0, energy - sun) * price + min(energy, sun) * EXPORT
        left -= energy
    return cost


def best_cost(session, power_w):
    """The least cost of the same energy within the hours, by scipy's linear programme: Wh of the grid and of the sun a slot."""
    from scipy.optimize import linprog  # only `make year` installs it

    slots = session["slots"]
    count = len(slots)
    energy = sum(slot[4] for slot in slots)
    room = [max(power_w * slot[2] / 3600, 0) for slot in slots]
    room = [space * max(1, energy / max(1, sum(room))) for space in room]  # what a delay carried beyond the hours
    costs = [slot[1] for slot in slots] + [EXPORT] * count
    both = [[1 if k in (n, n + count) else 0 for k in range(2 * count)] for n in range(count)]
    bounds = [(0, None)] * count + [(0, slot[3]) for slot in slots]
    done = linprog(costs, A_ub=both, b_ub=room, A_eq=[[1] * (2 * count)], b_eq=[energy], bounds=bounds)
    if done.status:
        raise RuntimeError(f"no best plan: {done.message}")
    return done.fun


def pieces_of(session, power_w, delay_s):
    """[price, Wh at the most, Wh of the sun, of it Wh at times in which it is enough for 6 A] of pieces of five minutes.

    A piece costs what the random delay makes of it in the mean; what the departure cuts off is lost.
    """
    price_at = {slot[0]: slot[1] for slot in session["slots"]}
    pieces = []
    for slot in session["slots"]:
        start = max(slot[0], session["came"])
        for begin in range(start, start + slot[2], PIECE_S):
            seconds = min(PIECE_S, start + slot[2] - begin)
            moments = [begin + seconds / 2 + delay_s * k / 8 for k in (1, 3, 5, 7)]
            prices = [price_at[moment // SLOT_S * SLOT_S] for moment in moments if moment < session["leave"]]
            if prices:
                share = seconds / slot[2]
                most = power_w * seconds / 3600 * len(prices) / len(moments)
                pieces.append((sum(prices) / len(prices), most, share * slot[3], share * slot[7]))
    return pieces


def known_cost(session, power_w, delay_s):
    """The cost in the mean of the best plan that knows what a charger can know: all prices, no random delay, no sun to come.

    At each moment it takes the cheapest times for what is still wanted, and beside them the sun that shines just now.
    """
    left, cost = sum(slot[4] for slot in session["slots"]), 0
    pieces = pieces_of(session, power_w, delay_s)
    for n, (_, most, sun, usable) in enumerate(pieces):
        wanted, chosen = left, {}
        for price, k in sorted((piece[0], -k) for k, piece in enumerate(pieces[n:], n)):
            if wanted > 0:
                chosen[-k] = min(wanted, pieces[-k][1])
                wanted -= chosen[-k]
                dearest = price
        if n in chosen:
            taken, sun = chosen[n], min(chosen[n], sun)
        else:
            taken = sun = min(left, usable, most) if chosen and dearest > EXPORT else 0
        cost += sun * EXPORT + (taken - sun) * pieces[n][0]
        left -= taken
    return cost + left * max(slot[1] for slot in session["slots"])  # what a delay carried beyond the hours


def row_of(found):
    """The figures of a year, costs in the tariff's unit."""
    sessions, power_w = found["sessions"], found["power_w"]
    cost = sum(slot[5] for session in sessions for slot in session["slots"])
    best = sum(best_cost(session, power_w) for session in sessions)
    known = sum(known_cost(session, power_w, found["delay_s"]) for session in sessions)
    dumb = sum(dumb_cost(session, power_w) for session in sessions)
    slots = [slot for session in sessions for slot in session["slots"]]
    energy, sun = sum(slot[4] for slot in slots), sum(min(slot[3], slot[4]) for slot in slots)
    met = [session for session in sessions if session["wh"] >= 0.99 * session["wanted_wh"]]
    return {
        "case": found["case"], "kWh": energy / 1000, "cost": cost / 1e5, "without a plan": dumb / 1e5,
        "best": best / 1e5, "over best %": 100 * (cost - best) / abs(best),
        "as known": known / 1e5, "regret %": 100 * (cost - known) / abs(known),
        "of the sun %": 100 * sun / energy, "met": f"{len(met)}/{len(sessions)}",
        "contactor a day": sum(session["flips"] for session in sessions) / len(sessions), "most": found["worst_flips"],
    }


def table(rows):
    """The rows as text in columns."""
    names = list(rows[0])
    lines = [names, *[[f"{row[name]:.1f}" if isinstance(row[name], float) else str(row[name]) for name in names] for row in rows]]
    widths = [max(len(line[n]) for line in lines) for n in range(len(names))]
    return "\n".join("  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)) for line in lines)


def plot(found, folder):
    """Energy by the hour of the day, and cost by the month beside the others; the name of the picture."""
    import matplotlib  # only `make year` installs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    hours, costs = [0] * 24, {}
    for session in found["sessions"]:
        month = min(11, (session["came"] - 1767571200) // 2629800)
        pair = costs.setdefault(month, [0, 0, 0])
        pair[0] += sum(slot[5] for slot in session["slots"]) / 1e5
        pair[1] += best_cost(session, found["power_w"]) / 1e5
        pair[2] += dumb_cost(session, found["power_w"]) / 1e5
        for slot in session["slots"]:
            hours[slot[0] % 86400 // 3600] += slot[4] / 1000
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.4))
    left.bar(range(24), hours)
    left.set(title=f"{found['case']}: kWh by hour (UTC)", xlabel="hour")
    for n, name in enumerate(("planner", "best possible", "without a plan")):
        right.plot(sorted(costs), [costs[month][n] for month in sorted(costs)], marker=".", label=name)
    right.set(title="cost by month", xlabel="month")
    right.legend()
    figure.tight_layout()
    name = found["case"].replace(" ", "-") + ".png"
    figure.savefig(folder / name, dpi=90)
    pyplot.close(figure)
    return name


def main(words):
    """Entry point."""
    parser = argparse.ArgumentParser(prog="year.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=in_range(1, 3660), default=365)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--cases", nargs="*", default=CASES, choices=CASES)
    given = parser.parse_args(words)
    folder = ROOT / "build" / "year"
    folder.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        years = list(pool.map(lambda case: play(case, 0, given.days, given.seed), given.cases))
    rows = [row_of(found) for found in years]
    text = table(rows)
    faults = [f"{found['case']}: {words}" for found in years for words in broken(found)]
    faults += [f"{row['case']}: a regret of {row['regret %']:.1f} %" for row in rows
               if given.days >= 365 and row["regret %"] > MOST_REGRET]
    pictures = "".join(f'<img src="{plot(found, folder)}" alt="{found["case"]}">' for found in years)
    verdict = "\n".join(faults) or "All invariants hold."
    (folder / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>A year of households</title><h1>A year of households</h1><pre>{text}\n\n"
        f"{verdict}</pre>{pictures}\n", encoding="utf-8")
    print(f"{text}\n{verdict}\n{(folder / 'index.html').relative_to(ROOT)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
