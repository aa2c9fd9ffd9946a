"""The local authorisation list: versions, updates, its place before the cache, conflicts (OCPP-50, 55, 56). Manual time."""

from check import equal
from ocpp_rig import Rig, id_tag_info, swipe

HEAP = 16 * 1024 * 1024


def list_entry(tag, status="Accepted", **more):
    fields = {"status": status}
    fields.update(more)
    return {"idTag": tag, "idTagInfo": fields}


async def send_list(rig, version, kind, *entries):
    return (await rig.call("SendLocalList", listVersion=version, updateType=kind,
                           localAuthorizationList=list(entries)))["status"]  # fmt: skip


async def list_version(rig):
    return (await rig.call("GetLocalListVersion"))["listVersion"]


async def test_full_and_differential_updates_and_their_versions_ocpp56():
    rig = Rig()
    equal(await list_version(rig), 0)
    equal(await send_list(rig, 5, "Full", list_entry("A"), list_entry("B", "Blocked")), "Accepted")
    equal(await list_version(rig), 5)
    for number in (5, 4):
        equal(await send_list(rig, number, "Differential", list_entry("C")), "VersionMismatch")
    equal(await send_list(rig, 6, "Differential", list_entry("b", parentIdTag="P"), {"idTag": "a"}, list_entry("C")), "Accepted")
    equal([rig.cp.id_tags.local_list().find(t) for t in "ABC"], [None, ("Accepted", "P"), ("Accepted", None)])
    await rig.power_cut()
    equal((await list_version(rig), rig.cp.id_tags.local_list().find("B")), (6, ("Accepted", "P")))
    equal(await send_list(rig, 2, "Full", list_entry("Z")), "Accepted")
    equal((await list_version(rig), rig.cp.id_tags.local_list().find("B")), (2, None))
    equal(await rig.call("SendLocalList", listVersion=3, updateType="Full"), {"status": "Accepted"})
    equal(await list_version(rig), 0)


async def test_a_list_that_does_not_fit_changes_nothing():
    rig = Rig(factory={"LocalAuthListMaxLength": 3, "SendLocalListMaxLength": 3})
    await send_list(rig, 1, "Full", list_entry("A"), list_entry("B"))
    equal(await send_list(rig, 2, "Differential", list_entry("C"), list_entry("D")), "Failed")
    equal(await send_list(rig, 2, "Full", list_entry("C"), list_entry("D"), list_entry("E"), list_entry("F")), "Failed")
    equal(await send_list(rig, 2, "Full", {"idTag": "C"}), "Failed")
    for number in (0, -1):
        equal(await send_list(rig, number, "Full", list_entry("C")), "Failed")
    equal((await list_version(rig), rig.cp.id_tags.local_list().find("A"), rig.cp.id_tags.local_list().find("C")),
          (1, ("Accepted", None), None))  # fmt: skip


async def test_a_flash_that_refuses_leaves_the_old_list():
    rig = Rig()
    await send_list(rig, 1, "Full", list_entry("A"))

    def refuse(name, data):
        raise OSError(28)

    rig.files.write_pieces = refuse
    equal(await send_list(rig, 2, "Full", list_entry("B")), "Failed")
    equal((await list_version(rig), rig.cp.id_tags.local_list().find("A")), (1, ("Accepted", None)))


async def test_a_long_list_is_searched_on_flash():
    rig = Rig(factory={"SendLocalListMaxLength": 100})
    for part in range(4):
        tags = [list_entry("TAG%05d" % (part * 50 + n), parentIdTag="PARENT") for n in range(50)]
        equal(await send_list(rig, part + 1, "Differential", *tags), "Accepted")
    equal([rig.cp.id_tags.local_list().find("tag00%03d" % n) is not None for n in (0, 1, 99, 199, 200)],
          [True, True, True, True, False])  # fmt: skip


async def test_a_list_that_is_off_and_a_profile_that_is_off():
    rig = Rig(factory={"LocalAuthListEnabled": "false"})
    equal((await list_version(rig), await send_list(rig, 1, "Full", list_entry("A"))), (-1, "NotSupported"))
    rig = Rig(factory={"SupportedFeatureProfiles": "Core"})
    equal((await list_version(rig), await send_list(rig, 1, "Full", list_entry("A"))), (-1, "NotSupported"))


async def test_the_list_goes_before_the_cache_and_keeps_its_tags_out_of_it_ocpp50():
    rig = await Rig(factory={"LocalPreAuthorize": "true"}).online()
    await send_list(rig, 1, "Full", list_entry("TAG1", parentIdTag="P"))
    await rig.plug()
    equal(await swipe(rig, "TAG1"), "TAG1")
    equal(rig.link.of("Authorize"), [])
    await rig.sent("StartTransaction")
    await rig.seconds(1)
    equal((rig.cp.id_tags.cache().find("TAG1"), rig.connectors[0].session.parent_id_tag), (None, "P"))


async def test_a_verdict_against_the_list_is_a_conflict_ocpp55():
    rig = await Rig().online()
    await send_list(rig, 1, "Full", list_entry("TAG1"))
    rig.link.answers["Authorize"] = id_tag_info("Invalid")
    await rig.plug()
    equal(await swipe(rig, "TAG1"), None)
    conflict = [p for p in rig.link.of("StatusNotification") if p["errorCode"] == "LocalListConflict"]
    equal([(p["connectorId"], p["status"]) for p in conflict], [(0, "Available")])


async def test_a_conflict_is_reported_once_for_each_card_and_list():
    rig = await Rig().online()
    rig.link.answers["Authorize"] = id_tag_info("Accepted")

    def conflicts():
        return len([p for p in rig.link.of("StatusNotification") if p["errorCode"] == "LocalListConflict"])

    for version, tag, wanted in ((1, "TAG1", 1), (None, "tag1", 1), (2, "TAG1", 2)):
        if version:
            await send_list(rig, version, "Full", list_entry("TAG1", "Blocked"))
        await rig.charge(tag=tag)  # Authorize.conf and StartTransaction.conf both contradict the list
        await rig.seconds(1)
        equal(conflicts(), wanted)
        rig.connectors[0].stop("Local")
        await rig.plug(plugged=False)
        await rig.shows("Available")
