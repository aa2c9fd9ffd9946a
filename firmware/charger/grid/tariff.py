"""The prices of energy as the owner's side sends them: blocks of slots of one length (docs/SMART_CHARGING.md).

A price is in hundredths of the tariff's unit a kWh, a whole number, negative ones included. On flash are at most _MOST blocks:
[start in UTC seconds, seconds of a slot, [prices]], in the order of time, without overlaps.
"""

from micropython import const

FILE = "tariff.json"
_MOST = const(4)
_SLOT_S = const(300)  # the shortest slot
UNKNOWN = const(0x3FFFFFFF)  # a time without a price is taken last


def kept(files: Files) -> list:
    """The blocks on flash; none where the file is damaged."""
    blocks = files.read_json(FILE, [])
    try:
        return [[int(start), max(_SLOT_S, int(slot_s)), [int(price) for price in prices]] for start, slot_s, prices in blocks]
    except (TypeError, ValueError, OverflowError):
        return []


def add(files: Files, now: int, start: int, slot_s: int, prices: list) -> None:
    """Keep a block in the place of what was known for its time and later; what is past goes. OSError by the flash."""
    blocks = []
    for block in kept(files):
        left = min(len(block[2]), max(0, (start - block[0]) // block[1]))
        if left and block[0] + left * block[1] > now:
            blocks.append([block[0], block[1], block[2][:left]])
    if prices:
        blocks.append([start, slot_s, prices])
    files.write_json(FILE, blocks[-_MOST:])


def price_at(blocks: list, moment: int) -> tuple:
    """(price at a moment, when that may change or None)."""
    following = None
    for start, slot_s, prices in blocks:
        if moment < start:
            following = start if following is None else min(following, start)
        elif moment < start + slot_s * len(prices):
            number = (moment - start) // slot_s
            return prices[number], start + (number + 1) * slot_s
    return UNKNOWN, following
