"""The owner's departure, the tariff and the plan that comes of them (docs/SMART_CHARGING.md)."""

from charger import clock
from charger.commands import CONFLICT, INVALID
from charger.commands.charging import connector_of
from charger.errors import CommandError
from charger.grid import tariff, weekly
from charger.runtime import cooperative


async def _plan(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    from charger.grid import departure  # with cheapest.py: 3,000 frozen bytes, for owners who give a departure

    await clock.sleep_ms(0)
    connector = connector_of(app.connectors, args)
    planner = app.planner
    plan = await cooperative.run(planner.plan(planner.lane(connector)))
    return departure.report(plan, departure.kept(app.files).get(str(connector.id)))


async def _set_plan(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    """Energy by a time of day, kept until it is removed."""
    from charger.grid import departure  # 3,000 frozen bytes, as above

    await clock.sleep_ms(0)
    connector = connector_of(app.connectors, args)
    targets = [name for name in ("kwh", "km", "cost") if name in args]
    if len(targets) != ("depart" in args) or ("km" in args) != ("kwh_per_100km" in args):
        raise CommandError(INVALID, "depart with one of kwh, cost, km and kwh_per_100km; or none of all to remove the departure.")
    wish = None
    if targets:
        try:
            minute = weekly.minutes(args["depart"].encode()) % 1440
        except ValueError:
            raise CommandError(INVALID, "depart: must be a time of day, such as 07:30.")
        if "cost" in args:
            power_w = app.config.supply_volts * connector.outlet.limits.safety_da // 10
            wh = await cooperative.run(departure.affordable(
                app.files, app.planner.hours(), clock.utc_s(), minute, power_w, int(args["cost"] * 100000)))  # fmt: skip
        else:
            wh = int(args["kwh"] * 1000 if "kwh" in args else args["km"] * args["kwh_per_100km"] * 10)
        if not 100 <= wh <= 200000:
            raise CommandError(CONFLICT, "That is %d Wh; 100 Wh to 200 kWh can be planned." % wh)
        wish = (minute, wh, clock.utc_s() or 0)
    departure.keep(app.files, connector.id, wish)
    await clock.sleep_ms(0)
    await cooperative.run(app.planner.replan())
    return {}


async def _tariff(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    blocks = [{"start": clock.iso(start), "minutes": slot_s // 60, "prices": [price / 100 for price in prices]}
              for start, slot_s, prices in tariff.kept(app.files)]
    return {"blocks": blocks}


async def _set_tariff(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    """Prices from a moment on; no prices: those from then on are not known."""
    try:
        start = clock.parse_iso(args["start"])[0]
    except ValueError:
        raise CommandError(INVALID, "start: not a time.")
    prices = [int(price * 100 + (0.5 if price >= 0 else -0.5)) for price in args["prices"]]
    tariff.add(app.files, clock.utc_s() or 0, start, args["minutes"] * 60, prices)
    await clock.sleep_ms(0)
    await cooperative.run(app.planner.replan())
    return {}


async def _house(app: Application, _role: Role, _args: dict, _surface: str) -> dict:
    house = app.planner.house
    return {"max_amps": 0, "amps": [], "power_w": None, "age_s": None, "known": False} if house is None else house.report()


async def _set_house(app: Application, _role: Role, args: dict, _surface: str) -> dict:
    """A reading of the house's current, and of its power where the meter has it."""
    if app.planner.house is None:
        raise CommandError(CONFLICT, "Nothing follows the house's supply: set HouseMaxCurrent or SolarMode first.")
    amps_da = tuple([int(amps * 10 + (0.5 if amps >= 0 else -0.5)) for amps in args["amps"]])
    power_w = args.get("power_w")
    app.planner.read_house(amps_da, sum(amps_da) * app.config.supply_volts // 10 if power_w is None else int(power_w))
    return {}


COMMANDS = {
    "plan": ("status", ("strict", (), (("connector", ("whole", 1, 32)),)), _plan),
    "set_plan": ("schedule", ("strict", (), (
        ("connector", ("whole", 1, 32)), ("depart", ("str", 5, 5)), ("kwh", ("num", 0.1, 200)), ("km", ("num", 1, 1000)),
        ("kwh_per_100km", ("num", 5, 60)), ("cost", ("num", 0.01, 100000)),
    )), _set_plan),
    "tariff": ("status", ("strict", ()), _tariff),
    "set_tariff": ("schedule", ("strict", (
        ("start", ("str", 35, 19)), ("minutes", ("whole", 5, 60)), ("prices", ("list", ("num", -1000, 1000), 100)),
    )), _set_tariff),
    "house": ("status", ("strict", ()), _house),
    "set_house": ("schedule", ("strict", (
        ("amps", ("list", ("num", -1000, 1000), 3, 1)),
    ), (
        ("power_w", ("num", -300000, 300000)),
    )), _set_house),
}  # fmt: skip
