#!/usr/bin/env python3
"""Turn a supplier's published prices into requests for the charger: tariff.py FILE [--pence-field NAME].

FILE is Octopus Agile's JSON (standard unit rates, pence a kWh) or ENTSO-E's XML (day-ahead prices, A44, EUR/MWh). Each line of
the output is the body of one PUT /api/tariff, or the `with` of one MQTT command set_tariff: prices in pence or cents a kWh.

Exit code: 0 done, 2 the file cannot be read as prices.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

from cli import exit_with

MOST = 96  # prices of one request, since the unit accepts bodies of at most 2 KiB
LENGTHS = range(5, 61)  # minutes of a slot
RESOLUTION = re.compile(r"PT(\d+)M")


class NoPricesError(Exception):
    """The file has no prices in a known form."""


def moment(text) -> datetime.datetime:
    """An ISO time as UTC."""
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)


def agile(text, field):
    """[(start, minutes, pence a kWh)] of Octopus Agile's answer, which has the latest slot first."""
    slots = []
    for row in json.loads(text)["results"]:
        start = moment(row["valid_from"])
        slots.append((start, int((moment(row["valid_to"]) - start).total_seconds() // 60), float(row[field])))
    return sorted(slots)


def entsoe(text):
    """[(start, minutes, cents a kWh)] of ENTSO-E's document; a position that is left out has the price of the one before."""
    slots = []
    for period in ElementTree.fromstring(text).iterfind(".//{*}TimeSeries/{*}Period"):
        start = moment(period.findtext("{*}timeInterval/{*}start"))
        end = moment(period.findtext("{*}timeInterval/{*}end"))
        resolution = RESOLUTION.fullmatch(period.findtext("{*}resolution") or "")
        if resolution is None:
            raise NoPricesError("a resolution that is not of minutes")
        minutes = int(resolution[1])
        points = {int(p.findtext("{*}position")): float(p.findtext("{*}price.amount")) for p in period.iterfind("{*}Point")}
        price = points[1]
        for number in range(int((end - start).total_seconds() // 60 // minutes)):
            price = points.get(number + 1, price)
            slots.append((start + datetime.timedelta(minutes=minutes * number), minutes, round(price / 10, 4)))
    return sorted(slots)


def requests(slots):
    """Bodies of PUT /api/tariff: each has slots of one length without a gap, at most MOST."""
    made, following = [], None
    for start, minutes, price in slots:
        if minutes not in LENGTHS:
            raise NoPricesError(f"a slot of {minutes} minutes")
        last = made[-1] if made else None
        if last is None or start != following or minutes != last["minutes"] or len(last["prices"]) == MOST:
            made.append({"start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "minutes": minutes, "prices": []})
        made[-1]["prices"].append(price)
        following = start + datetime.timedelta(minutes=minutes)
    return made


def main(words):
    """Print the requests; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--pence-field", default="value_inc_vat", help="the field of Agile's price")
    options = parser.parse_args(words)
    try:
        text = options.file.read_text(encoding="utf-8")
        slots = agile(text, options.pence_field) if text.lstrip().startswith("{") else entsoe(text)
        if not slots:
            raise NoPricesError("no prices")
        made = requests(slots)
    except (OSError, ValueError, KeyError, TypeError, ElementTree.ParseError, NoPricesError) as error:
        print(f"{options.file}: not prices of Octopus Agile or ENTSO-E ({error})", file=sys.stderr)
        return 2
    for body in made:
        print(json.dumps(body))
    return 0


if __name__ == "__main__":
    exit_with(main)
