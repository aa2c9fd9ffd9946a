"""The cheapest times that give a car its energy by a moment: pure arithmetic over pieces of time (price, start, seconds).

A piece is used from its start on. Of pieces with the same price the earlier one is taken, so that what goes wrong later leaves
time. Starts are seconds from now on; pieces do not overlap.
"""


def choose(pieces: list, need_s: int, late: bool = False, runs: bool = False) -> tuple:
    """(the chosen (start, end), in order and joined where they touch; missing seconds; the dearest price of them or None).

    With `late` the starts of the pieces are below 0, so that the later piece of the same price is taken, and of a piece its end;
    with `runs` of the piece that begins now its beginning, so that what runs is not interrupted. The pieces are sorted in place.
    """
    pieces.sort()
    taken = []
    dearest = None
    for price, start, seconds in pieces:
        if need_s <= 0:
            break
        dearest = price
        start = abs(start)
        if seconds > need_s:
            if late and (start or not runs):
                start += seconds - need_s
            seconds = need_s
        taken.append((start, start + seconds))
        need_s -= seconds
    taken.sort()
    joined = []
    for start, end in taken:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined, max(0, need_s), dearest


def room_after(pieces: list, moment: int) -> int:
    """Seconds of all pieces after a moment."""
    room_s = 0
    for _price, start, seconds in pieces:
        room_s += max(0, min(seconds, abs(start) + seconds - moment))
    return room_s
