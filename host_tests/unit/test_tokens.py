"""The owner's tokens: told once, kept as a hash, good for what they name and nothing else, gone when revoked (SEC-18)."""

import json

import flashrig
from check import equal, raises_async, true
from client_rig import begin, end
from peer import until
from portal_rig import BASE, Rig

from charger.access import tokens
from charger.audit import events
from charger.commands import CONFLICT, FORBIDDEN, INVALID, UNKNOWN, owner_settings, table
from charger.credentials.vault import Vault
from charger.errors import CommandError
from charger.metering.reading import Reading
from charger.mqtt_client import messages
from charger.outlet.limits import Limits

HEAP = 8 * 1024 * 1024
KEY = bytes(range(32))
setup, teardown = begin, end


def status_without_connectors(_app):
    """In place of messages.status(): the connectors here have limits alone."""
    return b'{"online": true}'


class Connector:
    """An outlet with its limits, free."""

    id = 1
    session = None
    status = "Available"

    def __init__(self):
        self.outlet = self
        self.limits = Limits(160)
        self.meter = self
        self.reading = Reading(1)


def rig_with_vault():
    """A portal, a connector and a real vault."""
    rig = Rig()
    rig.app.vault = Vault(flashrig.files(), KEY)
    rig.app.mqtt_client = rig.portal
    rig.app.connectors = [Connector()]
    return rig


async def make(rig, name, *rights, **more):
    wish = dict(action="make", name=name, rights=list(rights), **more)
    return (await table.run(rig.app, "owner", "set_tokens", wish)).get("token")


async def refused(kind, job):
    equal((await raises_async(CommandError, job)).kind, kind)


async def test_a_token_is_told_once_and_kept_as_a_hash_over_a_restart():
    rig = rig_with_vault()
    token = await make(rig, "evcc", "charge", "status")
    equal((len(token), len(set(token)) > 4), (32, True))
    true(token.encode() not in rig.app.vault.get("tokens"))
    listed = (await table.run(rig.app, "owner", "tokens", {}))["tokens"]
    equal(listed, [{"name": "evcc", "rights": ["status", "charge"], "home_assistant": False}])
    client = tokens.client_of(Vault(flashrig.files(), KEY), token)
    equal((str(client), client.rights), ("client", ["status", "charge"]))
    for wrong in ("", token[:-1], token.upper() + "0", "0" * 32):
        equal(tokens.client_of(rig.app.vault, wrong), None)
    info = rig.app.infos(events.RECONFIGURED)[-1]
    equal(info, "token made: status charge, by owner, page")


async def test_tokens_are_bounded_and_named_once():
    rig = rig_with_vault()
    for number in range(8):
        await make(rig, "n%d" % number, "status")
    await refused(CONFLICT, make(rig, "one more", "status"))
    await table.run(rig.app, "owner", "set_tokens", {"action": "remove", "name": "n3"})
    await refused(CONFLICT, make(rig, "n4", "status"))
    await make(rig, "one more", "status")
    await refused(UNKNOWN, table.run(rig.app, "owner", "set_tokens", {"action": "remove", "name": "n3"}))
    for wish in ({"action": "make", "name": "x"}, {"action": "make", "name": "x", "rights": []}, {"action": "make", "name": ""},
                 {"action": "make", "name": "x", "rights": ["settings"]},
                 {"action": "make", "name": "x" * 25, "rights": ["status"]},
                 {"action": "remove", "name": "n1", "rights": ["status"]},
                 {"action": "remove", "name": "n1", "home_assistant": True}):
        await refused(INVALID, table.run(rig.app, "owner", "set_tokens", wish))
    for role in ("user", "installer"):
        for name, wish in (("tokens", {}), ("set_tokens", {"action": "remove", "name": "n1"})):
            await refused(FORBIDDEN, table.run(rig.app, role, name, wish))
    equal(len(tokens.kept(rig.app.vault)), 8)


async def test_a_client_may_do_what_its_token_names_and_nothing_of_a_person():
    """SEC-18: with every right that a token can have, no command of PINs, logs, cards, tokens, erasure; of settings the sun's."""
    rig = rig_with_vault()
    client = tokens.client_of(rig.app.vault, await make(rig, "all", *tokens.RIGHTS))
    of_clients = ("status", "charge", "history", "hours", "set_hours", "plan", "set_plan", "tariff", "set_tariff", "house",
                  "set_house", "update", "install", "set")
    for name in table.COMMANDS:
        if name not in of_clients:
            await refused(FORBIDDEN, table.run(rig.app, client, name, {}))
    reader = tokens.client_of(rig.app.vault, await make(rig, "reader", "status"))
    for name in ("charge", "history", "set_hours", "set_plan", "set_tariff", "set_house", "install"):
        await refused(FORBIDDEN, table.run(rig.app, reader, name, {}))
    names = [name for name, _, _ in owner_settings._rows()]
    true(len(names) > 25)
    for name in names:
        if name[:5] != "Solar":
            await refused(FORBIDDEN, table.run(rig.app, client, "set", {name: ""}))
        await refused(FORBIDDEN, table.run(rig.app, reader, "set", {name: ""}))


async def test_commands_by_mqtt_with_a_token_need_no_login():
    rig = rig_with_vault()
    limits = rig.app.connectors[0].limits
    token = await make(rig, "node-red", "charge")
    wish = {"do": "charge", "token": token, "with": {"action": "limit", "amps": 8.0}}
    equal((await rig.command(**wish))["ok"], True)
    equal(limits.get("user"), 80)
    for action, wanted in (("pause", 0), ("resume", None)):
        equal((await rig.command(do="charge", token=token, **{"with": {"action": action}}))["ok"], True)
        equal(limits.get("pause"), wanted)
    equal((await rig.command(do="acknowledge", token=token))["error"], "forbidden")
    equal((await rig.command(do="charge", token=token, session=token, n=1))["error"], "invalid")
    equal((await rig.command(do="charge", token="0" * 32, **{"with": {"action": "start"}}))["error"], "login")
    equal(rig.app.infos(events.TOKEN_REFUSED), ["mqtt"])
    await table.run(rig.app, "owner", "set_tokens", {"action": "remove", "name": "node-red"})
    equal((await rig.command(**wish))["error"], "login")


async def test_home_assistant_is_told_its_token_at_once_and_the_entities_go_with_it():
    """One token of that kind: a new one takes its place. Nobody else is told it. Revoked, empty messages remove the entities."""
    rig = rig_with_vault()
    rig.app.vault.put("mqtt/discovery", b"homeassistant")
    rig.app.connectors = []
    await rig.start().online()
    await until(lambda: rig.topics("update"), 5000)
    equal("command_topic" in rig.topics("update")[-1], False)
    equal(await make(rig, "HA", "update", home_assistant=True), None)
    await until(lambda: "command_topic" in rig.topics("update")[-1], 5000)
    told = rig.topics("update")[-1]
    equal(told["command_topic"], BASE + "cmd")
    first = json.loads(told["payload_install"])
    equal(tokens.client_of(rig.app.vault, first["token"]).rights, ["update"])
    await make(rig, "HA 2", "update", home_assistant=True)
    equal([entry[0] for entry in tokens.kept(rig.app.vault)], ["HA 2"])
    equal((await rig.command(**first))["error"], "login")
    rig.app.connectors = [Connector()]
    messages.status = status_without_connectors
    equal(rig.controls(), {})
    await make(rig, "HA", "charge", home_assistant=True)
    await until(lambda: all(rig.controls().values()) and len(rig.controls()) == 5, 5000)
    number = rig.controls()["limit_1"]
    equal((number["min"], number["max"]), (6, 16))
    wish = json.loads(number["command_template"].replace("{{ value }}", "9.5"))
    equal((await rig.command(**wish))["ok"], True)
    equal(rig.app.connectors[0].limits.get("user"), 95)
    await table.run(rig.app, "owner", "set_tokens", {"action": "remove", "name": "HA"})
    await until(lambda: not any(rig.controls().values()), 5000)
