"""Charging profiles on flash: what is written when, what is read at the start, what a power cut or a flash that fails leaves."""

import json

import profiles
from check import equal, true
from ocpp_rig import Rig
from profiles import charging, clear, limit, profile

from charger import clock
from charger.ocpp.v16.charging_profile import ChargingProfile
from charger.ocpp.v16.services.smart_charging import SmartCharging
from charger.runtime.cooperative import run_now

HEAP = 16 * 1024 * 1024


async def install(rig, fields, connector=1):
    return await profiles.install(rig, fields, connector)


async def test_profiles_stay_over_a_power_cut_and_tx_profiles_do_not():
    rig = await charging()
    await install(rig, profile(1, "ChargePointMaxProfile", limit=25.5), 0)
    await install(rig, profile(2, limit=16, kind="Recurring", recurrencyKind="Weekly", schedule={"duration": 86400},
                               validTo=clock.iso(clock.utc_s() + 86400)))  # fmt: skip
    await install(rig, profile(3, "TxProfile", limit=12))
    equal(limit(rig), 120)
    await rig.power_cut()
    equal(limit(rig), 160)
    await rig.online()
    for number, wanted in ((3, "Unknown"), (2, "Accepted"), (1, "Accepted")):
        equal(await clear(rig, id=number), wanted)


def full(_name, _pieces):
    """In place of Files.write_pieces(): the flash is full."""
    raise OSError(28)


async def test_a_flash_that_refuses_leaves_the_old_profiles():
    rig = await charging()
    await install(rig, profile(limit=10))
    rig.files.write_pieces = full
    try:
        await install(rig, profile(limit=20))
        raise AssertionError("taken")
    except OSError:
        equal(limit(rig), 100)


async def test_a_profile_that_is_there_already_is_not_written_again():
    rig = await charging()
    fields = profile(limit=10.5)
    await install(rig, fields)
    rig.files.write_pieces = full
    equal((await install(rig, fields), limit(rig)), ("Accepted", 105))
    try:
        await install(rig, profile(limit=10.4))
        raise AssertionError("not written")
    except OSError:
        equal(limit(rig), 105)


async def test_profiles_are_written_one_a_slice_and_a_transaction_that_ends_meanwhile_takes_its_own_along():
    rig = await charging()
    for number in range(1, 4):
        await install(rig, profile(number, stack=number))
    service = rig.cp.smart_charging()
    steps = service.install(1, profile(9, "TxProfile", 8, stack=3))
    for _ in steps:  # it replaces nothing that is on flash
        pass
    equal(limit(rig), 80)
    steps = service.install(1, profile(3, "TxProfile", 7, stack=3))  # it replaces one
    slices = 0
    for _ in steps:
        slices += 1
        if slices == 2:
            service.session_ended(rig.connectors[0].session)
            rig.connectors[0].session = None
    true(slices >= 4, slices)
    equal([p.id for p in service._profiles if p.purpose == "TxProfile"], [])
    equal(len(rig.files.read_json("ocpp_profiles.json")), 3, "what it did not replace after all is on flash again")


async def test_stored_profiles_are_read_one_after_the_other():
    rig = await charging()
    for number in (1, 2, 3):
        await install(rig, profile(number, stack=number))
    for form in ("as it is written", "as earlier firmware wrote it"):
        service = SmartCharging(rig.config, rig.connectors, rig.files, None, None)
        counts, slices = {0}, 0
        for _ in service.loading():
            slices += 1
            counts.add(len(service._profiles))
        equal(sorted(counts)[:3], [0, 1, 2], form)
        true(slices >= 3 * 2, slices)
        equal([kept.id for kept in service._profiles], [1, 2, 3], form)
        rig.files.write_json("ocpp_profiles.json", rig.files.read_json("ocpp_profiles.json"))
    rig.files.write("ocpp_profiles.json", b'[\n[1,{]\n,\n' + json.dumps([1, profile(2)]).encode() + b"\n]")
    made = SmartCharging(rig.config, rig.connectors, rig.files, None, None)
    run_now(made.loading())
    equal([kept.id for kept in made._profiles], [2], "the line that is damaged is left out")


async def test_an_unusable_profile_in_the_line_of_earlier_firmware_takes_none_of_the_others_along():
    rig = await charging()
    for wrong in ([1, {}], [9, profile(2)], [1, profile(2), 3], [{}, {}], [1, None], [], 5, None, "ab"):
        rig.files.write_json("ocpp_profiles.json", [[1, profile(1)], wrong, [1, profile(3, stack=3)]])
        made = SmartCharging(rig.config, rig.connectors, rig.files, None, None)
        run_now(made.loading())
        equal([kept.id for kept in made._profiles], [1, 3], wrong)


async def test_a_transaction_that_ends_before_its_profile_is_installed_leaves_none():
    rig = await charging()
    service = rig.cp.smart_charging()
    steps = service.install(1, profile(9, "TxProfile", 8))
    next(steps)
    service.session_ended(rig.connectors[0].session)
    rig.connectors[0].session = None
    equal((run_now(steps), service._profiles), (False, []))


async def test_a_clear_that_takes_nothing_from_the_flash_writes_nothing():
    rig = await charging()
    await install(rig, profile(1))
    await install(rig, profile(9, "TxProfile", 8))

    def refuse(name, pieces):
        raise OSError(28)

    write, rig.files.write_pieces = rig.files.write_pieces, refuse
    equal(await clear(rig, id=9), "Accepted")
    rig.files.write_pieces = write
    equal(await clear(rig, id=1), "Accepted")
    equal(rig.files.read_json("ocpp_profiles.json"), [])


async def test_what_a_start_replaces_while_a_handler_writes_is_written_behind_it():
    rig = await charging()
    for number in (1, 2, 3):
        await install(rig, profile(number, stack=number))
    service = rig.cp.smart_charging()
    steps = service.install(1, profile(4, stack=4))
    while not service._saving:
        next(steps)
    one = ChargingProfile(1, profile(2, "TxProfile", 9, stack=2))
    one.session_id = rig.connectors[0].session.local_id
    service._begin_with(one)
    equal(run_now(steps), True)
    service.second()
    equal(len(rig.files.read_json("ocpp_profiles.json")), 3)
    equal(sorted([kept.id for kept in service._profiles]), [1, 2, 3, 4])


def test_a_stored_profile_is_read_back_as_it_was():
    clock.set_utc(1790000000, "test")
    for fields in (
        profile(3, limit=8.3, stack=2, validFrom=clock.iso(1790000001), validTo=clock.iso(1790009999)),
        profile(kind="Relative", unit="W", limit=3680.5, schedule={"duration": 7}),
        profile(kind="Recurring", recurrencyKind="Weekly"), profile(kind="Recurring", recurrencyKind="Daily"),
    ):  # fmt: skip
        one = ChargingProfile(1, fields)
        two = ChargingProfile(1, json.loads(json.dumps(one.to_json())))
        for name in ("id", "stack_level", "purpose", "kind", "recurrence_s", "valid_from", "valid_to", "start",
                     "duration_s", "unit", "periods"):  # fmt: skip
            equal(getattr(two, name), getattr(one, name), name)


async def test_a_relative_limit_of_the_whole_charger_that_never_changes_holds_at_once_and_after_a_power_cut():
    rig = await Rig(utc=None).online()
    wanted = profile(1000, "ChargePointMaxProfile", 8.5, stack=10, kind="Relative")
    equal(await install(rig, wanted, 0), "Accepted")
    equal(limit(rig), 85)
    await rig.power_cut()
    await rig.online()
    equal(limit(rig), 85)
    equal(await clear(rig, chargingProfilePurpose="ChargePointMaxProfile"), "Accepted")
    equal(limit(rig), None)
