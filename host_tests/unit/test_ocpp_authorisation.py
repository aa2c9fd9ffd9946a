"""Authorisation: cache, offline rules, remote starts, parents, verdicts (OCPP-50 to 59, 65, 67). Manual time."""

from check import equal, true
from ocpp_rig import Rig, id_tag_info, swipe

from charger import clock
from charger.errors import CallTimeoutError

HEAP = 16 * 1024 * 1024


async def plug_and_cache(rig, tag):
    """Plug in, start and stop with a card, which is in the cache then."""
    await rig.plug()
    await swipe(rig, tag)
    await swipe(rig, tag)


async def test_online_asks_first_and_starts_when_accepted_ocpp52():
    rig = await Rig().online()
    await rig.plug()
    equal(await swipe(rig, "TAG1"), "TAG1")
    equal(rig.link.of("Authorize"), [{"idTag": "TAG1"}])


async def test_every_other_verdict_refuses():
    for status in ("Blocked", "Expired", "Invalid", "ConcurrentTx"):
        rig = await Rig().online()
        rig.link.answers["Authorize"] = id_tag_info(status)
        await rig.plug()
        equal(await swipe(rig, "TAG1"), None, status)


async def test_invalid_authorize_answers_fall_back_to_the_offline_rules():
    for answer in ({}, {"idTagInfo": None}, {"idTagInfo": {}}, {"idTagInfo": {"status": "Yes"}},
                   {"idTagInfo": {"status": ["Accepted"]}}, CallTimeoutError("x")):  # fmt: skip
        rig = await Rig().online()
        rig.link.answers["Authorize"] = answer
        await rig.plug()
        equal(await swipe(rig, "TAG1"), None)
        rig.config.change("AllowOfflineTxForUnknownId", "true")
        equal(await swipe(rig, "TAG1"), "TAG1")


async def test_pre_authorise_starts_a_known_card_without_asking_ocpp52():
    rig = await Rig(factory={"LocalPreAuthorize": "true"}).online()
    await plug_and_cache(rig, "TAG1")
    equal(await swipe(rig, "tag1"), "tag1")
    equal(len(rig.link.of("Authorize")), 1)


async def test_card_cached_as_blocked_is_authorised_online_anyway_ocpp51():
    rig = await Rig(factory={"LocalPreAuthorize": "true"}).online()
    rig.link.answers["Authorize"] = id_tag_info("Blocked")
    await rig.plug()
    equal(await swipe(rig, "TAG1"), None)
    rig.link.answers.clear()
    equal(await swipe(rig, "TAG1"), "TAG1")


async def test_offline_the_cache_decides_and_survives_a_restart_ocpp51_ocpp53():
    rig = await Rig().online()
    await plug_and_cache(rig, "GOOD")
    rig.link.answers["Authorize"] = id_tag_info("Blocked")
    await swipe(rig, "BAD")
    await rig.offline()
    await rig.power_cut()
    rig.link.connected = False
    await rig.start()
    await rig.plug()
    equal(await swipe(rig, "BAD"), None)
    equal(await swipe(rig, "UNKNOWN"), None)
    rig.config.change("AllowOfflineTxForUnknownId", "true")
    equal(await swipe(rig, "BAD"), None, "known to be blocked")
    equal(await swipe(rig, "good"), "good")
    await swipe(rig, "good")
    equal(await swipe(rig, "UNKNOWN"), "UNKNOWN")


async def test_local_authorize_offline_false_refuses_all_known_cards():
    rig = await Rig(factory={"LocalAuthorizeOffline": "false"}).online()
    await plug_and_cache(rig, "GOOD")
    await rig.offline()
    equal(await swipe(rig, "GOOD"), None)


async def test_disabled_cache_neither_stores_nor_finds_ocpp57():
    rig = await Rig(factory={"AuthorizationCacheEnabled": "false"}).online()
    await plug_and_cache(rig, "GOOD")
    equal(await rig.call("ClearCache"), {"status": "Rejected"})
    await rig.offline()
    equal(await swipe(rig, "GOOD"), None)


async def test_clear_cache_forgets():
    rig = await Rig().online()
    await plug_and_cache(rig, "GOOD")
    equal(await rig.call("ClearCache"), {"status": "Accepted"})
    equal(rig.cp.id_tags.cache().find("GOOD"), None)


async def test_a_cached_expiry_that_has_passed_is_expired():
    rig = await Rig().online()
    rig.link.answers["Authorize"] = id_tag_info("Accepted", None, clock.iso(clock.utc_s() + 100))
    rig.link.answers["StartTransaction"] = {"transactionId": 1}
    await plug_and_cache(rig, "GOOD")
    await rig.offline()
    equal(rig.cp.id_tags.local("GOOD"), ("Accepted", None))
    await rig.seconds(101)
    equal(rig.cp.id_tags.local("GOOD"), ("Expired", None))
    equal(await swipe(rig, "GOOD"), None)


def test_a_full_cache_drops_what_is_of_no_use_first_then_the_oldest_ocpp51():
    rig = Rig()
    cache = rig.cp.id_tags.cache()
    for n in range(100):
        cache.learn("T%d" % n, {"status": "Blocked" if n in (50, 70) else "Accepted"})
    cache.learn("NEW1", {"status": "Accepted"})
    cache.learn("NEW2", {"status": "Accepted"})
    equal([cache.find("T50"), cache.find("T70"), cache.find("T0")], [None, None, ("Accepted", None)])
    cache.learn("T0", {"status": "Accepted", "parentIdTag": "P"})
    cache.learn("NEW3", {"status": "Accepted"})
    equal([cache.find("T0"), cache.find("T1"), cache.find("T2")], [("Accepted", "P"), None, ("Accepted", None)])


def test_tags_that_are_part_of_others_are_not_mixed_up():
    rig = Rig()
    for n, tag in enumerate(("AB", "ABC", "BC", "A|B", "x\ty".replace("\t", " "))):
        rig.cp.id_tags.cache().learn(tag, {"status": "Accepted", "parentIdTag": "P%d" % n})
    equal([rig.cp.id_tags.cache().find(t) for t in ("ab", "BC", "B", "C", "ABCD", "A|B")],
          [("Accepted", "P0"), ("Accepted", "P2"), None, None, None, ("Accepted", "P3")])  # fmt: skip


def test_unchanged_cache_is_not_written_again():
    rig = Rig()
    writes = []
    rig.cp.id_tags.cache().learn("T", {"status": "Accepted"})
    rig.files.write = lambda name, data: writes.append(name)
    rig.cp.id_tags.cache().learn("t", {"status": "Accepted"})
    equal(writes, [])


# --- stopping, parents ---


async def test_the_same_card_stops_and_another_only_with_the_same_parent_ocpp42_ocpp58():
    rig = await Rig().online()
    await rig.plug()
    rig.link.answers["Authorize"] = id_tag_info("Accepted", "FAMILY")
    await swipe(rig, "MUM")
    rig.link.answers["Authorize"] = id_tag_info("Accepted", "OTHERS")
    equal(await swipe(rig, "STRANGER"), "MUM")
    rig.link.answers["Authorize"] = id_tag_info("Blocked", "FAMILY")
    equal(await swipe(rig, "UNCLE"), "MUM")
    rig.link.answers["Authorize"] = id_tag_info("Accepted", "family")
    equal(await swipe(rig, "DAD"), None)
    stop = await rig.sent("StopTransaction")
    equal((stop["reason"], stop["idTag"]), ("Local", "DAD"))


async def test_a_parent_told_with_the_start_counts():
    rig = await Rig().online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Accepted", "parentIdTag": "P"}}
    await rig.plug()
    await swipe(rig, "MUM")
    rig.link.answers["Authorize"] = id_tag_info("Accepted", "P")
    equal(await swipe(rig, "DAD"), None)


async def test_a_card_before_the_plug_waits_connection_time_out_ocpp59():
    rig = await Rig(factory={"ConnectionTimeOut": 30}).online()
    await swipe(rig, "TAG1")
    equal(rig.statuses()[-1], "Preparing")
    await rig.seconds(32)
    equal(rig.statuses()[-1], "Available")
    await swipe(rig, "TAG1")
    await rig.plug()
    await rig.sent("StartTransaction")


# --- the back end's verdict on a running transaction ---


async def test_a_refused_start_stops_with_deauthorized_ocpp54():
    for status in ("Invalid", "Blocked", "Expired", "ConcurrentTx"):
        rig = await Rig().online()
        rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": status}}
        await rig.plug()
        await swipe(rig, "TAG1")
        stop = await rig.sent("StopTransaction")
        equal((stop["reason"], stop["transactionId"]), ("DeAuthorized", 5))
        equal("idTag" in stop, False)
        await rig.shows("Finishing")


async def test_a_refused_start_only_holds_the_energy_when_told_so():
    rig = await Rig(factory={"StopTransactionOnInvalidId": "false"}).online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    await rig.plug()
    await swipe(rig, "TAG1")
    await rig.until(lambda: rig.statuses()[-1] == "SuspendedEVSE")
    equal((rig.connectors[0].outlet.permit, rig.link.of("StopTransaction")), (False, []))
    equal(await swipe(rig, "TAG1"), None)
    equal((await rig.sent("StopTransaction"))["reason"], "Local")


async def test_max_energy_on_invalid_id_is_delivered_first():
    rig = await Rig(factory={"MaxEnergyOnInvalidId": 500}).online()
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    await rig.plug()
    await swipe(rig, "TAG1")
    await rig.seconds(5)
    rig.meters[0].total_wh += 499
    await rig.seconds(5)
    equal(rig.connectors[0].status, "Charging")
    rig.meters[0].total_wh += 1
    equal((await rig.sent("StopTransaction"))["meterStop"], 1500)


async def test_a_verdict_after_the_session_is_over_is_learnt_and_does_no_harm():
    rig = await Rig(factory={"AllowOfflineTxForUnknownId": "true"}).online()
    await rig.offline()
    await plug_and_cache(rig, "TAG1")
    rig.link.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
    await rig.reconnect()
    await rig.sent("StopTransaction")
    equal(rig.cp.id_tags.cache().find("TAG1"), ("Blocked", None))


# --- without a card ---


async def test_remote_start_and_stop_ocpp65_ocpp67():
    rig = await Rig().online()
    equal(await rig.call("RemoteStartTransaction", idTag="TAG1", connectorId=1), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses()[-1] == "Preparing")
    await rig.plug()
    start = await rig.sent("StartTransaction")
    equal((start["idTag"], rig.link.of("Authorize")), ("TAG1", []))
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    equal(await rig.call("RemoteStartTransaction", idTag="TAG2", connectorId=1), {"status": "Rejected"})
    equal(await rig.call("RemoteStopTransaction", transactionId=999), {"status": "Rejected"})
    equal(await rig.call("RemoteStopTransaction", transactionId=101), {"status": "Accepted"})
    equal((await rig.sent("StopTransaction"))["reason"], "Remote")


async def test_remote_start_asks_first_when_told_so():
    rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true"}).online()
    rig.link.answers["Authorize"] = id_tag_info("Invalid")
    await rig.plug()
    equal(await rig.call("RemoteStartTransaction", idTag="TAG1"), {"status": "Accepted"})
    await rig.seconds(2)
    equal((rig.link.of("Authorize"), rig.link.of("StartTransaction")), ([{"idTag": "TAG1"}], []))


async def test_a_start_that_needs_no_answer_waits_for_no_slow_back_end_ocpp52_ocpp65():
    for factory in ({}, {"LocalPreAuthorize": True}, {"LocalPreAuthorize": True, "AuthorizeRemoteTxRequests": True}):
        rig = await Rig(factory=factory).online()
        rig.cp.id_tags.cache().learn("KNOWN", {"status": "Accepted"})
        rig.link.slow_ms["StatusNotification"] = 25000
        await rig.plug()  # its Preparing is under way from now on
        if len(factory) == 1:
            rig.cp.tag_shown(rig.connectors[0], "KNOWN")
        else:
            equal((await rig.call("RemoteStartTransaction", idTag="KNOWN", connectorId=1))["status"], "Accepted")
        await rig.seconds(2)
        equal(rig.link.order()[-1], "StartTransaction")
        connector = rig.connectors[0]
        equal((connector.status, connector.promised, connector.asked, rig.link.of("Authorize")), ("Charging", False, 0, []))


async def test_remote_start_where_there_is_nothing_to_start_on():
    rig = await Rig(2).online()
    for number in (0, 3, -1, 1 << 40):
        equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=number), {"status": "Rejected"})
    await rig.call("ChangeAvailability", connectorId=1, type="Inoperative")
    equal(await rig.call("RemoteStartTransaction", idTag="T", connectorId=1), {"status": "Rejected"})
    equal(await rig.call("RemoteStartTransaction", idTag="T"), {"status": "Accepted"})
    await rig.until(lambda: rig.statuses(2)[-1] == "Preparing")
    equal(await rig.call("RemoteStartTransaction", idTag="T"), {"status": "Rejected"})


async def test_remote_start_with_an_empty_tag_uses_the_units_own():
    rig = await Rig(factory={"AuthorizeRemoteTxRequests": "true", "FreeVendIdTag": "HOME"}).online()
    await rig.plug()
    equal(await rig.call("RemoteStartTransaction", idTag=""), {"status": "Accepted"})
    equal((await rig.sent("StartTransaction"))["idTag"], "HOME")
    equal(rig.link.of("Authorize"), [])


async def test_free_vend_starts_each_plugged_car_once():
    rig = await Rig(factory={"FreeVend": "true"}).online()
    await rig.plug()
    equal((await rig.sent("StartTransaction"))["idTag"], "FreeVend")
    rig.connectors[0].stop("Remote")
    await rig.sent("StopTransaction")
    await rig.seconds(200)
    equal(len(rig.link.of("StartTransaction")), 1)
    await rig.plug(plugged=False)
    await rig.plug()
    await rig.sent("StartTransaction", 2)


async def test_free_vend_and_the_owners_list_hold_together():
    """A listed card shown first has the session in its name and ends it; without one, or with a blocked one, it is FreeVend."""
    rig = await Rig(factory={"FreeVend": "true"}).online()
    cards = {"ANNA": ("Accepted", None), "LOST": ("Blocked", None)}
    rig.cp.authorisation._home_card = cards.get
    equal(await swipe(rig, "ANNA"), None)
    await rig.plug()
    equal((await rig.sent("StartTransaction"))["idTag"], "ANNA")
    equal(await swipe(rig, "ANNA"), None)
    await rig.sent("StopTransaction")
    await rig.plug(plugged=False)
    equal(await swipe(rig, "LOST"), None)
    await rig.plug()
    equal((await rig.sent("StartTransaction", 2))["idTag"], "FreeVend")
    equal(await swipe(rig, "ANNA"), "FreeVend", "another card ends no session")
    equal((len(rig.link.of("StopTransaction")), rig.link.of("Authorize")), (1, []))


async def test_no_log_line_holds_a_whole_tag():
    from charger import log

    rig = await Rig().online()
    await rig.plug()
    await swipe(rig, "SECRETTAG")
    await swipe(rig, "OTHERTAG1")
    await swipe(rig, "SECRETTAG")
    true(not [line for line in log.recent() if "SECRETTAG" in line or "OTHERTAG1" in line])
