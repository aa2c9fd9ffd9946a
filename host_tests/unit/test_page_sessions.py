"""Sessions of the page and the PIN that they began with: a changed PIN ends all of its role's, a PIN that stands none."""

import json

import flashrig
from check import equal, true
from pin_rig import CHOSEN, OWNER, check_each, chip, make_pins, restart
from pin_rig import setup as fresh_unit

from charger.access.pin import OK, WRONG
from charger.errors import RequestError
from charger.local_api import routes
from charger.local_api.admission import Admission
from charger.local_api.http_server import Request
from charger.local_api.listener import LoginSession
from sim import flash as simflash

USER = "83746152"
setup = fresh_unit


class Unit:
    """In place of LocalApi and its parts, with the PINs of a unit: two sessions of the owner, one of each other role."""

    host = "garage"
    setup = None

    def __init__(self):
        self.wifi = self.config = self.listener = self
        self.admission = Admission()
        self.pins = make_pins()
        self.sessions = [LoginSession(role) for role in ("owner", "owner", "installer", "user")]
        self.first, self.second, self.installer, self.user = self.sessions

    def get_str(self, _name):
        return "PL4711"

    def prove(self):
        """The network is good."""

    async def run(self, role, name, args, surface, _device):
        if name == "pin":
            true((await self.pins.check(role, args["current"])).ok)
            equal(await self.pins.change(role, args.get("role", role), args["pin"], surface), "")
        return {}

    async def ask(self, session, path, **wish):
        """Status of a POST, or of a GET without content, in a session."""
        fields = {
            "host": "192.168.1.2", "cookie": "session=" + session.token, "x-csrf-token": session.csrf,
            "content-type": "application/json",
        }  # fmt: skip
        request = Request("POST" if wish else "GET", path, fields, True)
        request.body = json.dumps(wish).encode()
        try:
            return (await routes.answer(self, request, "192.168.1.9"))[0]
        except RequestError as error:
            return error.status

    async def valid(self):
        """The sessions that are still valid."""
        found = []
        for one in (self.first, self.second, self.installer, self.user):
            if await self.ask(one, "/api/session") == 200:
                found.append(one)
        return found

    async def fails(self, put):
        """A change of the owner's PIN in the first session, with this in place of the vault's put()."""
        self.pins._vault.put = put
        try:
            await self.ask(self.first, "/api/pin", current=OWNER, pin=CHOSEN)
        except OSError:
            return
        raise AssertionError("no error")

    async def states(self):
        return await check_each(self.pins, ("owner", OWNER), ("owner", CHOSEN))


async def test_f_s11_a_change_of_pin_at_the_page_ends_the_other_sessions_of_its_role_alone():
    unit = Unit()
    equal(await unit.ask(unit.first, "/api/pin", current=OWNER, pin=CHOSEN), 200)
    equal(await unit.valid(), [unit.first, unit.installer, unit.user])
    equal(await unit.ask(unit.first, "/api/pin", current=CHOSEN, pin=USER, role="user"), 200)
    equal(await unit.valid(), [unit.first, unit.installer])


async def test_a_change_of_pin_by_another_way_than_the_page_ends_all_sessions_of_its_role():
    unit = Unit()
    equal(await unit.pins.change("owner", "owner", CHOSEN, "portal"), "")
    equal(await unit.valid(), [unit.installer, unit.user])


async def test_a_refused_change_of_pin_ends_no_session():
    unit = Unit()
    true(await unit.pins.change("owner", "owner", "12345678"))
    equal(len(await unit.valid()), 4)


async def test_a_session_that_begins_with_the_new_pin_is_valid():
    unit = Unit()
    equal(await unit.ask(unit.first, "/api/pin", current=OWNER, pin=CHOSEN), 200)
    equal(await unit.ask(unit.second, "/api/login", pin=CHOSEN), 200)
    unit.second = unit.sessions[-1]
    equal(await unit.valid(), [unit.first, unit.second, unit.installer, unit.user])


async def test_a_change_of_pin_that_the_flash_refuses_leaves_pin_and_sessions_whole():
    unit = Unit()
    put = unit.pins._vault.put

    def full(_name, _secret):
        raise OSError(28)

    await unit.fails(full)
    equal(len(await unit.valid()), 4)
    unit.pins._vault.put = put
    equal(await unit.states(), [OK, WRONG])


async def test_a_change_of_pin_that_the_flash_made_although_it_failed_ends_all_sessions_of_the_role():
    for own in (False, True):  # the first PIN of one's own, and the next
        fresh_unit()
        unit = Unit()
        if own:
            equal(await unit.pins.change("owner", "owner", "90318264"), "")
            equal(await unit.pins.change("owner", "owner", OWNER), "")
            unit = Unit()
        put = unit.pins._vault.put

        def late(name, secret, put=put):
            put(name, secret)
            raise OSError(5)

        await unit.fails(late)
        equal(await unit.valid(), [unit.installer, unit.user])
        unit.pins._vault.put = put
        equal(await unit.states(), [WRONG, OK])


async def test_a_flash_that_can_no_longer_be_read_after_the_change_ends_all_sessions_of_the_role():
    unit = Unit()
    get = unit.pins._vault.get

    def dead(_name):
        raise OSError(5)

    def fail(name, _secret):
        if name == "pin/owner":
            unit.pins._vault.get = dead
        raise OSError(5)

    await unit.fails(fail)
    unit.pins._vault.get = get
    equal(await unit.valid(), [unit.installer, unit.user])


async def test_a_first_pin_of_ones_own_whose_index_is_written_although_that_failed_holds_at_once_and_ends_all_sessions():
    unit = Unit()
    write = unit.pins._vault._files.write

    def late(name, data):
        write(name, data)
        if name == "vault/index" and "pin/owner" not in unit.pins._vault.names():
            raise OSError(5)

    unit.pins._vault._files.write = late
    try:
        await unit.pins.change("owner", "owner", CHOSEN)
        raise AssertionError("no error")
    except OSError:
        pass
    unit.pins._vault._files.write = write
    equal(await unit.valid(), [unit.installer, unit.user])
    equal(await unit.states(), [WRONG, OK])
    unit.pins = restart()
    equal(await unit.states(), [WRONG, OK])


async def test_a_vault_whose_index_is_damaged_after_a_failed_change_ends_all_sessions_of_the_role():
    unit = Unit()

    def torn(name, _secret):
        if name == "pin/owner":
            flashrig.damage("/flash/vault/index", 20)
        raise OSError(5)

    await unit.fails(torn)
    equal(await unit.valid(), [unit.installer, unit.user])


async def test_a_flash_that_dies_at_any_write_of_a_change_leaves_pin_and_sessions_whole_or_ends_the_sessions():
    at = 0
    while True:
        fresh_unit()
        unit = Unit()
        equal((await unit.pins.check("owner", OWNER)).state, OK)
        chip["now"].cut_after(at, (simflash.DROP, simflash.HALF, simflash.LATE)[at % 3])
        try:
            await unit.pins.change("owner", "owner", CHOSEN)
        except OSError:
            pass
        cut = not chip["now"].powered
        owners = [one for one in await unit.valid() if one.role == "owner"]
        true(len(owners) in (0, 2), (at, len(owners)))
        if owners:
            unit.pins = restart()
            equal(await unit.states(), [OK, WRONG], at)
        if not cut:
            equal(owners, [])
            break
        at += 1
    true(at > 3, at)


async def test_an_erasure_of_personal_data_leaves_only_the_session_that_asked_for_it():
    unit = Unit()
    equal(await unit.ask(unit.installer, "/api/erase", x="y"), 200)
    equal(await unit.valid(), [unit.installer])
