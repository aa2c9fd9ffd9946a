"""The cost of the running session by the prices that the owner's side sent."""

from check import equal
from household_rig import EVENING, HOUR_S, home

from charger import clock

HEAP = 16 * 1024 * 1024


def cost(unit, number=1):
    """In the tariff's unit."""
    return unit.planner.session_cost(unit.connectors[number - 1])


async def test_each_wh_has_the_price_of_its_time():
    unit = await home()
    unit.prices(3050, 1000, -200)
    await unit.begin()
    equal(cost(unit), 0.0)
    await unit.takes(2000, 2)
    equal(cost(unit), 61.0)
    await unit.at(EVENING + HOUR_S)
    await unit.takes(500, 2)
    equal(cost(unit), 66.0)
    await unit.at(EVENING + 2 * HOUR_S)
    await unit.takes(1503, 2)
    equal(cost(unit), 62.99)  # 66 - 1.503 kWh at 2: to the nearest hundredth


async def test_without_prices_nothing_is_said():
    unit = await home()
    await unit.begin()
    await unit.takes(2000, 2)
    equal(cost(unit), None)


async def test_a_part_without_a_price_leaves_no_cost():
    """Prices that end while the car charges; a cost of the rest would be taken for the whole."""
    unit = await home()
    unit.prices(3000)
    await unit.begin()
    await unit.takes(2000, 2)
    equal(cost(unit), 60.0)
    await unit.at(EVENING + HOUR_S)
    await unit.takes(100, 2)
    equal(cost(unit), None)
    unit.prices(1000)
    await unit.takes(100, 2)
    equal(cost(unit), None)


async def test_prices_that_come_later_count_from_the_next_session_on():
    unit = await home()
    connector = await unit.begin() or unit.connectors[0]
    await unit.takes(2000, 2)
    unit.prices(3000)
    await unit.takes(1000, 2)
    equal(cost(unit), None)
    await unit.charge("stop", connector=1)
    await unit.rig.until(lambda: connector.session is None)
    await unit.rig.seconds(2)
    equal(cost(unit), None)
    await unit.rig.plug(plugged=False)
    await unit.begin()
    await unit.takes(1000, 2)
    equal(cost(unit), 30.0)


async def test_a_flash_that_cannot_be_read_leaves_no_cost_and_the_planner_goes_on():
    unit = await home()
    unit.prices(3000, 1000)
    await unit.begin()
    read_json = unit.files.read_json

    def failing(name, *more):
        if name == "tariff.json":
            raise OSError(5)
        return read_json(name, *more)

    unit.files.read_json = failing
    await unit.at(EVENING + HOUR_S)
    await unit.takes(1000, 3)
    equal((cost(unit), unit.planner.session_cost(unit.connectors[0])), (None, None))
    unit.planner.second()


async def test_new_prices_hold_from_the_next_wh_on():
    unit = await home()
    unit.prices(3000, 3000)
    await unit.begin()
    await unit.takes(1000, 2)
    unit.prices(500, start=clock.utc_s() - 60)
    await unit.takes(1000, 2)
    equal(cost(unit), 35.0)
