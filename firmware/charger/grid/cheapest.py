"""The cheapest times that give a car its energy by a moment: pure arithmetic over (price, start, end) in seconds.

A slot is used from its start on. Of slots with the same price the earlier one is taken, so that what goes wrong later leaves
time. Slots do not overlap.
"""


def choose(slots: list, need_s: int, late: bool = False) -> tuple:
    """(the chosen (start, end), in order and joined where they touch; the seconds that are missing in all slots together).

    With `late` the later slot of the same price is taken, and of a slot its end.
    """
    taken = []
    sign = -1 if late else 1
    for _price, _, start, end in sorted([(price, sign * start, start, end) for price, start, end in slots]):
        if need_s <= 0:
            break
        seconds = min(need_s, end - start)
        taken.append((end - seconds, end) if late else (start, start + seconds))
        need_s -= seconds
    taken.sort()
    joined = []
    for start, end in taken:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined, max(0, need_s)
