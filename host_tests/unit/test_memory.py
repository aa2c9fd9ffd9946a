"""Services end in their order when the link to the back end finds no memory; collections and unloading go by the heap."""

import gc
import sys

from check import equal, true

from charger.runtime import memory
from charger.runtime.memory import Reclaimer


class Service:
    """An optional service; `told` gets its name when it has to give way."""

    def __init__(self, name, told):
        self._name = name
        self._told = told

    def free_memory(self):
        self._told.append(self._name)


def unit():
    """(reclaimer, what it did, in order)."""
    done = []
    reclaimer = Reclaimer(done.append)
    for name in ("broker", "page"):
        reclaimer.add(Service(name, done))
    return reclaimer, done


def test_services_give_way_in_the_order_in_which_they_were_added():
    reclaimer, done = unit()
    reclaimer.free()
    equal(done, ["broker", "page"])


def test_three_attempts_in_a_row_without_memory_restart_a_unit_that_does_not_charge():
    reclaimer, done = unit()
    for _ in range(2):
        reclaimer.link_failed(False)
    equal(done, ["broker", "page"] * 2)
    reclaimer.link_failed(False)
    equal(done, ["broker", "page"] * 3 + ["want of memory"])


def test_a_car_that_charges_and_a_link_that_was_made_put_the_restart_off():
    reclaimer, done = unit()
    for _ in range(5):
        reclaimer.link_failed(True)
    equal(done, ["broker", "page"] * 5)
    reclaimer.link_opened()
    for _ in range(2):
        reclaimer.link_failed(False)
    equal("want of memory" in done, False)
    reclaimer.link_failed(False)
    equal(done[-1], "want of memory")


def test_an_eighth_of_a_small_free_heap_fills_between_two_collections_and_a_quarter_of_a_large_one():
    measured = memory.heap_free
    before = gc.threshold()
    try:
        for free, threshold in ((20000, 4096), (80000, 10000), (98304, 12288), (160000, 40000)):
            memory.heap_free = lambda free=free: free
            memory.choose_threshold()
            equal(gc.threshold() // 32, threshold // 32, "%d bytes free" % free)  # it is kept in blocks
    finally:
        memory.heap_free = measured
        gc.threshold(before)


def test_each_module_that_is_unloaded_exists_and_is_gone_afterwards():
    for modules in (memory.START, memory.UPDATING, memory.CONNECTING, memory.SENDING, memory.CERTIFICATES):
        for name in modules:
            __import__(name)
            true(name in sys.modules, name)
        memory.unload(modules)
        equal([name for name in modules if name in sys.modules], [])
