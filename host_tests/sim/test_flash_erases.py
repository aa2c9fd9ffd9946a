"""No flash erase while a contactor is closed, over sessions on line and off line (F-E19: an erase opens it under load)."""

from .sessions import end_session, start_session


def figures(sim):
    return sim.status()["flash"]


def test_no_erase_over_a_closed_contactor_in_a_session_and_the_spares_are_back_after_it(launch, csms, word):
    sim = launch(word=word, time_scale=200)
    csms.wait_booted()
    spares = figures(sim)["spares_ready"]
    assert spares > 40
    start_session(sim, csms)
    for version in range(1, 11):  # each is a new file, and about half of them take a block
        entries = [{"idTag": f"CARD{number:04}{version}", "idTagInfo": {"status": "Accepted"}} for number in range(20)]
        assert csms.call("SendLocalList", listVersion=version, updateType="Full",
                         localAuthorizationList=entries)["status"] == "Accepted"
    used = spares - figures(sim)["spares_ready"]
    assert used >= 4 and sim.connector()["contacts"]
    operations = sim.connector()["contactor_operations"]
    end_session(sim, csms)
    assert operations == 1
    sim.wait_for(lambda s: s["flash"]["spares_ready"] == spares, 20, "erased spares")
    assert (figures(sim)["spares_stale"], figures(sim)["erases_closed"]) == (0, 0)
    energy_wh = sim.connector()["energy_wh"]
    sim.stop()
    sim = launch(word=word)
    sim.wait_for(lambda s: not s.get("starting"), 60, "the start")
    assert sim.connector()["energy_wh"] == energy_wh


def test_off_line_charging_pauses_for_the_flash_and_goes_on(launch, csms):
    """Each reading that waits takes a block: the pilot is withdrawn first, nothing is lost, and energy flows again."""
    sim = launch(settings={"MeterValueSampleInterval": "10"}, time_scale=200)
    csms.wait_booted()
    start_session(sim, csms)
    sim.network_down()
    csms.wait_disconnected()
    sim.wait_connector(lambda c: c["contactor_operations"] == 2 and c["contacts"], 120, "a pause and its end")
    assert figures(sim)["erases_closed"] == 0
    before = sim.connector()["energy_wh"]
    sim.wait_connector(lambda c: c["energy_wh"] >= before + 20, 60, "energy after the pause")
    sim.network_up()
    end_session(sim, csms)
    assert figures(sim)["erases_closed"] == 0
    [transaction] = csms.ledger.closed()
    assert transaction.energy_wh > 0
