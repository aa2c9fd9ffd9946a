"""The planner's choice of times against a brute-force one, on 5,000 random households."""

import importlib.util
import itertools
import random

from mpy.interpreter import ROOT

_spec = importlib.util.spec_from_file_location("cheapest", ROOT / "firmware" / "charger" / "grid" / "cheapest.py")
cheapest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cheapest)


def household(seed):
    """Slots of 1 to 3 units with gaps between some of them, prices below zero included, and what a car needs."""
    shuffle = random.Random(seed)
    slots, moment = [], shuffle.randrange(5)
    for _ in range(shuffle.randrange(1, 6)):
        length = shuffle.randrange(1, 4)
        slots.append((shuffle.randrange(-3, 9), moment, moment + length))
        moment += length + shuffle.choice((0, 0, 1))
    return slots, shuffle.randrange(0, 14)


def least_cost(slots, need):
    """Of all ways to use each slot for so many units, the cheapest that gives as much as can be given."""
    wanted = min(need, sum(end - start for _, start, end in slots))
    ways = itertools.product(*[range(end - start + 1) for _, start, end in slots])
    return min(sum(price * units for (price, _, _), units in zip(slots, way, strict=True)) for way in ways if sum(way) == wanted)


def test_no_choice_is_cheaper_for_5000_households():
    for seed in range(5000):
        slots, need = household(seed)
        chosen, missing, dearest = cheapest.choose([(price, start, end - start) for price, start, end in slots], need)
        units = [unit for start, end in chosen for unit in range(start, end)]
        prices = {unit: price for price, start, end in slots for unit in range(start, end)}
        assert len(units) == len(set(units)) == min(need, len(prices)), seed
        assert missing == max(0, need - len(prices)), seed
        assert sum(prices[unit] for unit in units) == least_cost(slots, need), seed
        assert dearest == max((prices[unit] for unit in units), default=None), seed
        assert all(before[1] < after[0] for before, after in itertools.pairwise(chosen)), seed


def test_of_equal_prices_the_earlier_times_are_taken():
    assert cheapest.choose([(5, 20, 10), (5, 0, 10), (4, 40, 10)], 15) == ([(0, 5), (40, 50)], 0, 5)
    assert cheapest.choose([(5, -20, 10), (5, 0, 10), (4, -40, 10)], 15, late=True) == ([(25, 30), (40, 50)], 0, 5)
    runs = cheapest.choose([(5, 0, 30), (4, -40, 10)], 15, late=True, runs=True)
    assert runs == ([(0, 5), (40, 50)], 0, 5), "what runs goes on at the same price"


def test_the_room_after_a_moment_counts_the_rest_of_each_piece():
    pieces = [(5, 20, 10), (5, 0, 10), (4, 40, 10)]
    assert [cheapest.room_after(pieces, moment) for moment in (0, 25, 30, 45, 50)] == [30, 15, 10, 5, 0]
