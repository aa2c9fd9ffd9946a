"""Sources of the portal's commands: none keeps another one out; a changed PIN ends the sessions of its role."""

import asyncio
import json
import struct

import flashrig
import pin_rig
from check import equal, true
from client_rig import begin, end
from peer import until
from portal_rig import BASE, PINS, Rig

from charger import clock
from charger.access import tokens
from charger.access.pin import Pins
from charger.audit import events
from charger.credentials import provisioning
from charger.credentials.vault import Vault
from charger.mqtt_client import command_handler
from charger.mqtt_client.command_sources import CommandSources

HEAP = 8 * 1024 * 1024
setup, teardown = begin, end


def _real_pins(on_event):
    files = flashrig.files()
    provisioning.write(pin_rig.make_record(), files, pin_rig.Store())
    return Pins(files, Vault(files, pin_rig.KEY), on_event, "PL4711")


async def _flood(rig, count=60, **fields):
    """Commands of one source, as many as are taken and some more; how many were answered."""
    heard = 0
    for number in range(count):
        if "session" in fields:
            fields["n"] = number + 100
        heard += await rig.command(**fields) is not None
    true(heard < count, "more than its rate")
    return heard


async def test_strangers_that_send_too_much_refuse_no_session():
    rig = Rig()
    owner = await rig.log_in()
    await _flood(rig, do="hello")
    equal(await rig.command(do="hello"), None)
    for number in range(1, 40):
        equal((await rig.command(do="acknowledge", session=owner["session"], n=number))["ok"], True, number)


async def test_strangers_that_send_too_much_keep_no_known_device_from_its_login():
    """Known by `device` and `role`, which a hello may have, too; neither by a device alone nor by another role's."""
    rig = Rig()
    rig.app.pins.devices = {"owner": "0a" * 28}
    mine = {"device": "0a" * 28, "role": "owner"}
    await _flood(rig, do="hello")
    for wrong in ({"device": "0b" * 28, "role": "owner"}, {"device": "0a" * 28, "role": "user"}, {"device": "0a" * 28}):
        equal(await rig.command(do="hello", **wrong), None, wrong)
    challenge = (await rig.command(do="hello", **mine))["challenge"]
    equal((await rig.command(do="login", challenge=challenge, pin=PINS["owner"], **mine))["ok"], True)
    rig.app.pins.changes["owner"] += 1
    rig.app.pins.devices = {}
    equal(await rig.command(do="hello", **mine), None, "known no more")


async def test_strangers_that_send_too_much_refuse_no_program():
    rig = Rig()
    token = tokens.make(rig.app.vault, "HA", ["status"], False)
    await _flood(rig, do="update", token="0" * 32)
    equal((await rig.command(do="update", token=token))["ok"], True)


async def test_a_role_or_a_program_that_sends_too_much_refuses_nobody_else():
    rig = Rig()
    one, other = [tokens.make(rig.app.vault, name, ["status"], False) for name in ("one", "other")]
    owner, user = await rig.log_in(), await rig.log_in("user")
    await _flood(rig, do="acknowledge", session=user["session"])
    await _flood(rig, do="hello")
    await _flood(rig, do="update", token=one)
    equal((await rig.command(do="update", token=other))["ok"], True)
    equal((await rig.command(do="acknowledge", session=owner["session"], n=1))["ok"], True)
    equal(await rig.command(do="acknowledge", session=user["session"], n=999), None)
    await clock.sleep_s(5)
    heard = []
    for number in range(9):
        heard.append(await rig.command(do="acknowledge", session=user["session"], n=1000 + number) is not None)
    equal(heard, [True] * 5 + [False] * 4, "one a second")
    for token in (one, other):
        equal(await rig.portal.sources._looked_up(b'{"token": "%s"}' % token.encode()), token)


class Watched:
    """In place of vault and PINs: notes how often another task had run at each look."""

    def __init__(self):
        self.changes = {}
        self.turns = 0
        self.looks = []

    async def other(self):
        while True:
            self.turns += 1
            await asyncio.sleep_ms(0)

    def get(self, _name):
        self.looks.append(self.turns)

    def knows(self, _device, _role):
        self.looks.append(self.turns)
        return False


async def test_the_look_up_of_a_source_lets_other_tasks_run_before_each_look_into_the_vault():
    watched = Watched()
    task = asyncio.create_task(watched.other())
    await asyncio.sleep_ms(0)
    before = watched.turns
    message = b'{"token": "%s", "role": "owner", "device": "%s"}' % (b"0" * 32, b"0" * 56)
    equal(await CommandSources(watched, watched)._looked_up(message), "")
    task.cancel()
    first, second = watched.looks
    true(before < first < second, (before, first, second))


async def test_nothing_that_only_looks_like_a_secret_is_another_source():
    rig = Rig()
    await _flood(rig, do="hello")
    sources = rig.portal.sources
    for payload in (
        b"", b"[]", b"5", b"[" * 900, b'"' * 900, b'"token"', b'{"token":5}', b'{"token":""}', b'{"token":"\xff\xfe"}',
        b'{"role":"owner"}', b'{"role":[],"device":{}}', b'{"role":"owner","device":5}', b'{"role":"owner","device":""}',
    ):  # fmt: skip
        equal((sources.of(payload), await sources._looked_up(payload), await sources.admits(payload)), ("", "", False), payload)
    equal(await command_handler.answer(rig.portal, None, False), None)


def test_the_secrets_and_rates_of_sources_are_bounded():
    sources = CommandSources(Rig().app.pins, None)
    for number in range(200):
        sources.note("owner", "secret %03d" % number)
        sources.note("t%d" % (number % 8), "t%d" % (number % 8))
        sources._refilled("token %d" % number)
    true(len(sources._known) <= 9 * 4 and len(sources._credit) <= 17, (len(sources._known), len(sources._credit)))
    equal([sources.of(b"secret %03d" % number) for number in (199, 196, 195)], ["owner", "owner", ""])


async def test_the_hellos_of_others_do_not_use_up_a_challenge():
    rig = Rig()
    first = (await rig.command(do="hello"))["challenge"]
    for _ in range(95):  # of strangers, as fast as they are answered
        await rig.command(do="hello")
        await clock.sleep_ms(600)
    equal((await rig.command(do="login", challenge=first, role="owner", pin=PINS["owner"]))["ok"], True)


async def test_a_challenge_is_ours_unchanged_and_used_once():
    rig = Rig()
    text = (await rig.command(do="hello"))["challenge"]
    equal(len(text), 32)

    async def said(challenge):
        await clock.sleep_s(1)
        return (await rig.command(do="login", challenge=challenge, role="owner", pin=PINS["owner"])).get("error", "done")

    for at in (0, 7, 8, 15, 16, 31):
        equal(await said(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]), "login", at)
    for wrong in ("g" * 32, " " * 32, "\u00e9" * 32, text[:31] + "\u00e9", text[:16] + " " * 16):
        equal(await said(wrong), "login", wrong)
    equal((await said(text), await said(text), len(rig.portal.used)), ("done", "login", 1))
    await clock.sleep_s(61)
    fresh = (await rig.command(do="hello"))["challenge"]
    equal((await said(text), await said(fresh), len(rig.portal.used)), ("login", "done", 2))
    other = Rig().portal  # as after a restart
    equal((await command_handler.answer(other, b'{"id":"1","do":"login","challenge":"%s","role":"owner","pin":"8264057193"}' % (
        await rig.command(do="hello"))["challenge"].encode(), False)).find(b'"ok": false') >= 0, True)


async def test_the_owners_command_has_a_place_in_a_full_queue():
    """Four wait at the most: a stranger's makes way for any other, a user's for the owner's."""
    rig = await Rig().start().online()
    owner, user = await rig.log_in(), await rig.log_in("user")
    topic = (BASE + "cmd").encode()

    def send(**fields):
        text = json.dumps(fields).encode()
        head = bytes(((2 + len(topic) + len(text)) & 127 | 128, (2 + len(topic) + len(text)) >> 7))
        return b"\x30" + head + struct.pack("!H", len(topic)) + topic + text

    packets = [send(id="s%d" % number, do="hello") for number in range(5)]
    packets += [send(id="o%d" % number, do="acknowledge", session=owner["session"], n=number + 1) for number in range(3)]
    packets += [send(id="u%d" % number, do="acknowledge", session=user["session"], n=number + 1) for number in range(3)]
    waits = rig.portal._commands
    for packet in packets:
        text = packet[packet.find(b"{") :]
        rig.portal._on_message(text, False)
        true(len(waits) <= 4)
    equal([json.loads(payload)["id"] for payload, _ in waits], ["o0", "o1", "o2", "u0"])
    equal(set(rig.app.infos(events.INVALID_MESSAGES)), {"portal: too many commands"})
    await until(lambda: len(rig.of("reply")) >= 4, 5000)
    waits.clear()
    rig.broker.s.write(b"".join(packets[:5] + packets[6:8]))  # the same over the network
    await until(lambda: any(reply["id"] == "o2" for reply in rig.of("reply")), 20000)


async def test_a_change_of_pin_that_the_log_suppresses_ends_the_sessions_of_its_role():
    rig = Rig()
    pins = rig.app.pins = _real_pins(rig.app.security_log.add)
    device = (await pins.check("owner", pin_rig.OWNER)).device
    owner = await rig.command(
        do="login", challenge=(await rig.command(do="hello"))["challenge"], role="owner", pin=pin_rig.OWNER, device=device)
    installer = await rig.command(
        do="login", challenge=(await rig.command(do="hello"))["challenge"], role="installer", pin=pin_rig.INSTALLER)
    for _ in range(40):
        rig.app.security_log.add(events.PIN_CHANGED, "user, by user, page")
    equal((await rig.command(do="acknowledge", session=owner["session"], n=1))["ok"], True)
    equal(await pins.change("owner", "owner", pin_rig.CHOSEN), "")
    equal([info for info in rig.app.infos(events.PIN_CHANGED) if info.startswith("owner")], [], "it was suppressed")
    equal((await rig.command(do="acknowledge", session=owner["session"], n=2))["error"], "login")
    equal((await rig.command(do="acknowledge", session=installer["session"], n=1))["error"], "forbidden")
    true(not pins.knows(device, "owner"))
    equal(rig.portal.sources.of(owner["session"].encode()), "")


async def test_a_change_of_pin_that_the_flash_fails_ends_the_sessions_unless_the_old_pin_stands():
    rig = Rig()
    pins = rig.app.pins = _real_pins(rig.app.security_log.add)
    owner = await rig.command(
        do="login", challenge=(await rig.command(do="hello"))["challenge"], role="owner", pin=pin_rig.OWNER)

    put = pins._vault.put

    def late(name, secret):
        put(name, secret)
        raise OSError(5)

    def full(name, secret):
        raise OSError(28)

    for fail, number, error in ((full, 1, None), (late, 2, "login")):
        pins._vault.put = fail
        try:
            await pins.change("owner", "owner", pin_rig.CHOSEN)
            true(False, "no error")
        except OSError:
            pass
        equal((await rig.command(do="acknowledge", session=owner["session"], n=number)).get("error"), error)
