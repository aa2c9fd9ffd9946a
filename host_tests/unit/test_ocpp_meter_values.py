"""Meter values: measurands, sampled, aligned, triggered, with the stop (OCPP-90 to 97, 72). In manual time."""

from check import equal, near, true
from ocpp_rig import NOW, Rig

from charger import clock
from charger.errors import CallError
from charger.metering import measurands

HEAP = 16 * 1024 * 1024
ALL = (
    "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Current.Offered,Power.Offered,Frequency,"
    "Power.Factor,Temperature"
)


class Thermometer:
    value_dc = 253
    valid = True


def values(message):
    """{measurand[.phase]: value} of a MeterValues message with one meterValue."""
    found = {}
    for value in message["meterValue"][0]["sampledValue"]:
        name = value["measurand"] + ("." + value["phase"] if "phase" in value else "")
        found[name] = value["value"]
    return found


def contexts(rig):
    return [p["meterValue"][0]["sampledValue"][0]["context"] for p in rig.link.of("MeterValues")]


async def triggered(rig):
    await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    return await rig.sent("MeterValues", len(rig.link.of("MeterValues")) + 1)


async def test_every_measurand_of_a_single_phase_unit_ocpp97():
    rig = Rig(factory={"MeterValuesSampledData": ALL})
    rig.connectors[0].outlet.thermometer = Thermometer
    await rig.online()
    await rig.charge()
    message = await triggered(rig)
    equal(values(message), {
        "Energy.Active.Import.Register": "1000", "Power.Active.Import": "3677", "Current.Import.L1": "15.98",
        "Voltage.L1-N": "230.1", "Current.Offered": "32.0", "Power.Offered": "7360", "Frequency": "50.02",
        "Power.Factor.L1": "0.998", "Temperature": "25.3",
    })  # fmt: skip
    units = {v["measurand"]: v.get("unit") for v in message["meterValue"][0]["sampledValue"]}
    equal(units, {
        "Energy.Active.Import.Register": "Wh", "Power.Active.Import": "W", "Current.Import": "A", "Voltage": "V",
        "Current.Offered": "A", "Power.Offered": "W", "Frequency": None, "Power.Factor": None, "Temperature": "Celsius",
    })  # fmt: skip


async def test_three_phases_and_single_ones():
    rig = await Rig(phases=3).online()
    reading = rig.meters[0].reading
    reading.i_ma = [10000, 20000, 30004]
    reading.p_mw = [2300000, 4600000, 6900000]
    for config, wanted in (
        ("Current.Import", {"Current.Import.L1": "10.00", "Current.Import.L2": "20.00", "Current.Import.L3": "30.00"}),
        ("Voltage.L2", {"Voltage.L2-N": "229.9"}), ("Voltage.L3-N", {"Voltage.L3-N": "231.2"}),
        ("Power.Active.Import", {"Power.Active.Import": "13800"}),
        ("Power.Active.Import.L2", {"Power.Active.Import.L2": "4600"}),
    ):  # fmt: skip
        equal(rig.config.change("MeterValuesSampledData", config), "Accepted")
        equal(values(await triggered(rig)), wanted)


async def test_numbers_are_plain_decimals_and_never_negative():
    rig = await Rig(factory={"MeterValuesSampledData": ALL}).online()
    reading = rig.meters[0].reading
    reading.i_ma, reading.v_mv, reading.p_mw = [4, 0, 0], [0, 0, 0], [-50000, 0, 0]
    reading.pf_milli, reading.f_mhz = [-5, 0, 0], 0
    found = values(await triggered(rig))
    equal([found[n] for n in ("Current.Import.L1", "Voltage.L1-N", "Power.Active.Import", "Power.Factor.L1")],
          ["0.00", "0.0", "0", "0.005"])  # fmt: skip
    equal([n for n in found if n in ("Frequency", "Temperature")], [])


async def test_a_meter_without_a_valid_reading_gives_its_register_only():
    rig = await Rig(factory={"MeterValuesSampledData": "Energy.Active.Import.Register,Voltage,Power.Active.Import"}).online()
    rig.meters[0].reading.valid = False
    equal(values(await triggered(rig)), {"Energy.Active.Import.Register": "1000"})
    rig.config.change("MeterValuesSampledData", "Voltage")
    await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    await rig.seconds(2)
    equal(len(rig.link.of("MeterValues")), 1, "nothing to say, nothing sent")


async def test_measurands_that_only_the_factory_knows_are_left_out():
    rig = await Rig(factory={"MeterValuesSampledData": "SoC,Energy.Active.Import.Register"}).online()
    equal(values(await triggered(rig)), {"Energy.Active.Import.Register": "1000"})


def test_names_and_phases():
    for name, wanted in (
        ("Voltage", ("Voltage", 0)), ("Voltage.L1", ("Voltage", 1)), ("Voltage.L3-N", ("Voltage", 3)),
        ("Current.Import.L2", ("Current.Import", 2)), ("Current.Import.L2-N", ("Current.Import", -1)),
        ("Voltage.L1-L2", ("Voltage", -1)), ("SoC", ("SoC", 0)), ("SoC.L1", ("SoC.L1", 0)), ("", ("", 0)),
    ):  # fmt: skip
        equal(measurands.split(name), wanted, name)


async def test_periodic_samples_from_the_start_of_the_transaction_ocpp90():
    rig = await Rig(factory={"MeterValueSampleInterval": 10}).online()
    await rig.seconds(7)
    await rig.charge()
    begun = clock.utc_s()
    await rig.seconds(45)
    messages = rig.link.of("MeterValues")
    times = [clock.parse_iso(p["meterValue"][0]["timestamp"])[0] - begun for p in messages]
    equal(len(times), 4)
    for n, at in enumerate(times):
        near(at, 10 * (n + 1), 1)
    equal(contexts(rig), ["Sample.Periodic"] * 4)
    equal([(p["connectorId"], p["transactionId"]) for p in messages], [(1, 101)] * 4)
    rig.config.change("MeterValueSampleInterval", "0")
    await rig.seconds(60)
    equal(len(rig.link.of("MeterValues")), 4)
    rig.config.change("MeterValueSampleInterval", "1")
    await rig.seconds(10)
    true(13 <= len(rig.link.of("MeterValues")) <= 15, "one a second: UK-19")


async def test_aligned_samples_from_midnight_with_and_without_transaction_ocpp91():
    rig = await Rig(2, factory={"MeterValueSampleInterval": 0, "ClockAlignedDataInterval": 900}).online()
    await rig.charge(2)
    await rig.seconds(1800)
    messages = rig.link.of("MeterValues")
    equal(sorted([(p["connectorId"], p.get("transactionId", 0)) for p in messages]),
          [(0, 0), (0, 0), (1, 0), (1, 0), (2, 101), (2, 101)])  # fmt: skip
    for p in messages:
        true(clock.parse_iso(p["meterValue"][0]["timestamp"])[0] % 900 <= 1, p["meterValue"][0]["timestamp"])
    equal(contexts(rig), ["Sample.Clock"] * 6)
    equal(values(messages[0]), {"Energy.Active.Import.Register": "2000"})


async def test_aligned_samples_stop_at_zero_and_wait_for_the_time():
    rig = await Rig(factory={"ClockAlignedDataInterval": 60}).online()
    clock._zero_s = None
    await rig.seconds(200)
    equal(rig.link.of("MeterValues"), [])
    clock.set_utc(NOW, "test")
    rig.config.change("ClockAlignedDataInterval", "0")
    await rig.seconds(200)
    equal(rig.link.of("MeterValues"), [])


async def test_triggered_samples_of_one_of_all_and_of_the_whole_ocpp72():
    rig = await Rig(2).online()
    await rig.charge(1)
    await rig.until(lambda: rig.connectors[0].session.transaction_id == 101)
    equal(await rig.call("TriggerMessage", requestedMessage="MeterValues"), {"status": "Accepted"})
    await rig.sent("MeterValues", 3)
    equal(sorted([(p["connectorId"], p.get("transactionId", 0)) for p in rig.link.of("MeterValues")]),
          [(0, 0), (1, 101), (2, 0)])  # fmt: skip
    await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=0)
    equal((await rig.sent("MeterValues", 4))["connectorId"], 0)
    equal(contexts(rig), ["Trigger"] * 4)
    stamps = [p["meterValue"][0]["timestamp"] for p in rig.link.of("MeterValues")]
    equal([len(stamp) for stamp in stamps], [len("2026-09-21T14:13:20.000Z")] * 4)
    equal(await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=3), {"status": "Rejected"})


async def test_samples_of_an_outage_are_kept_in_order():
    rig = await Rig(factory={"MeterValueSampleInterval": 10}).online()
    await rig.charge()
    await rig.seconds(15)
    await rig.offline()
    for _ in range(6):
        rig.meters[0].total_wh += 10
        await rig.seconds(10)
    await rig.reconnect()
    await rig.until(lambda: len(rig.link.of("MeterValues")) >= 7)
    energies = [int(values(p)["Energy.Active.Import.Register"]) for p in rig.link.of("MeterValues")]
    equal(energies, sorted(energies))
    equal(energies[-1], 1060)


async def stop_data(rig):
    rig.connectors[0].stop("Remote")
    stop = await rig.sent("StopTransaction", len(rig.link.of("StopTransaction")) + 1)
    return stop.get("transactionData")


async def test_no_transaction_data_when_none_is_asked_for_ocpp92():
    rig = await Rig().online()
    await rig.charge()
    equal(await stop_data(rig), None)


async def test_transaction_data_has_begin_periodic_aligned_and_end():
    rig = await Rig(factory={
        "StopTxnSampledData": "Voltage", "StopTxnAlignedData": "Energy.Active.Import.Register,Frequency",
        "MeterValueSampleInterval": 100, "ClockAlignedDataInterval": 300,
    }).online()  # fmt: skip
    await rig.charge()
    rig.meters[0].total_wh += 77
    await rig.seconds(320)
    data = await stop_data(rig)
    found = [(d["sampledValue"][0]["context"], [v["measurand"] for v in d["sampledValue"]]) for d in data]
    equal(found[0], ("Transaction.Begin", ["Energy.Active.Import.Register", "Voltage"]))
    equal(found[-1], ("Transaction.End", ["Energy.Active.Import.Register", "Voltage"]))
    middle = found[1:-1]
    equal(middle.count(("Sample.Periodic", ["Voltage"])), 3)
    true(middle.count(("Sample.Clock", ["Energy.Active.Import.Register", "Frequency"])) >= 1)
    equal((data[0]["sampledValue"][0]["value"], data[-1]["sampledValue"][0]["value"]), ("1000", "1077"))
    times = [d["timestamp"] for d in data]
    equal(times, sorted(times))


async def test_transaction_data_of_a_long_session_is_thinned_in_the_middle():
    rig = await Rig(factory={"StopTxnSampledData": "Energy.Active.Import.Register,Voltage", "MeterValueSampleInterval": 60,
                             "MeterValuesSampledData": ""}).online()  # fmt: skip
    rig.poll_ms = 5000
    await rig.charge()
    begun = clock.utc_s()
    await rig.seconds(36000)
    data = await stop_data(rig)
    contexts_ = [d["sampledValue"][0]["context"] for d in data]
    equal((contexts_[0], contexts_[-1]), ("Transaction.Begin", "Transaction.End"))
    true(5 <= len(data) <= 30, str(len(data)))
    times = [clock.parse_iso(d["timestamp"])[0] - begun for d in data]
    equal(times, sorted(times))


async def test_a_stop_with_more_values_than_a_record_takes_loses_the_last_ones_of_each_sample_ocpp92():
    each = ",".join(["%s.L%d" % (name, n) for name in ("Power.Active.Import", "Current.Import", "Voltage") for n in (1, 2, 3)])
    rig = await Rig(phases=3, factory={"MeterValueSampleInterval": 10}).online()
    wanted = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Power.Factor,Frequency," + each
    equal((await rig.call("ChangeConfiguration", key="StopTxnSampledData", value=wanted))["status"], "Accepted")
    await rig.charge()
    await rig.seconds(35)
    rig.meters[0].total_wh += 77
    begin, end = await stop_data(rig)
    for sample, context, wh in ((begin, "Transaction.Begin", "1000"), (end, "Transaction.End", "1077")):
        values = sample["sampledValue"]
        equal((values[0]["context"], values[0]["value"], [v["measurand"] for v in values[:2]]),
              (context, wh, ["Energy.Active.Import.Register", "Power.Active.Import"]))  # fmt: skip
        true(12 <= len(values) < 21, len(values))
    await rig.shows("Finishing")


async def test_after_a_power_cut_begin_and_end_are_still_reported():
    rig = await Rig(factory={"StopTxnSampledData": "Energy.Active.Import.Register"}).online()
    await rig.charge()
    await rig.sent("StartTransaction")
    rig.sessions.checkpoint(rig.connectors[0].session, 1234, now=True)
    await rig.power_cut()
    await rig.start()
    stop = await rig.sent("StopTransaction")
    equal([(d["sampledValue"][0]["context"], d["sampledValue"][0]["value"]) for d in stop["transactionData"]],
          [("Transaction.Begin", "1000"), ("Transaction.End", "1234")])  # fmt: skip


async def test_a_fault_in_a_session_is_an_interruption_with_a_begin_and_an_end_ocpp94():
    rig = await Rig().online()
    await rig.charge()

    class Fault:
        CODE, INFO, FAULTED = "HighTemperature", "hot", True

    rig.connectors[0].outlet.fault = Fault
    await rig.until(lambda: "Interruption.Begin" in contexts(rig))
    rig.connectors[0].outlet.fault = None
    await rig.until(lambda: "Interruption.End" in contexts(rig))
    equal([p["transactionId"] for p in rig.link.of("MeterValues")], [101, 101])


# --- cases from the field ---


async def triggered_readings(rig, **request):
    """The status of a triggered MeterValues, and the connectors that were sent within a second."""
    rig.link.sent.clear()
    answer = await rig.call("TriggerMessage", requestedMessage="MeterValues", **request)
    await rig.seconds(1)
    return answer["status"], [p["connectorId"] for p in rig.link.of("MeterValues")]


async def test_f_o8_a_triggered_reading_that_cannot_come_is_rejected():
    rig = await Rig(2).online()
    rig.config.change("MeterValuesSampledData", "")
    equal(await triggered_readings(rig), ("Rejected", []))
    equal(await triggered_readings(rig, connectorId=0), ("Rejected", []))
    equal(await triggered_readings(rig, connectorId=1), ("Rejected", []))
    rig.config.change("MeterValuesSampledData", "Voltage")
    equal(await triggered_readings(rig, connectorId=0), ("Rejected", []), "connector 0 has its register only")
    equal(await triggered_readings(rig), ("Accepted", [1, 2]))
    rig.meters[0].reading.valid = False
    equal(await triggered_readings(rig, connectorId=1), ("Rejected", []))
    equal(await triggered_readings(rig), ("Accepted", [2]))
    rig.meters[1].reading.valid = False
    equal(await triggered_readings(rig), ("Rejected", []))


async def test_f_o9_a_trigger_without_a_connector_means_connector_0_too():
    rig = await Rig(2).online()
    equal(await triggered_readings(rig), ("Accepted", [0, 1, 2]))


async def test_f_o12_a_triggered_reading_comes_at_once_while_its_start_is_unanswered():
    rig = await Rig(factory={"TransactionMessageRetryInterval": 60}).online()
    rig.link.answers["StartTransaction"] = CallError("InternalError")
    await rig.charge()
    await rig.seconds(5)
    for _ in range(3):
        rig.link.sent.clear()
        await rig.call("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        now = clock.utc_ms_at(clock.uptime_ms())
        await rig.until(lambda: rig.link.of("MeterValues"), 500)
        message = rig.link.of("MeterValues")[0]
        true("transactionId" not in message, str(message))
        seconds, millis = clock.parse_iso(message["meterValue"][0]["timestamp"])
        true(abs(seconds * 1000 + millis - now) <= 50)
        await rig.seconds(100)
    true(rig.connectors[0].session is not None, "the start is given up by now, the session goes on")


async def test_f_o12_what_was_triggered_does_not_wait_for_a_card_that_is_asked_for():
    rig = await Rig().online()
    rig.link.slow_ms["Authorize"] = 29000
    await rig.plug()
    rig.cp.tag_shown(rig.connectors[0], "TAG1")
    await rig.seconds(1)
    for message, action in (("MeterValues",) * 2, ("StatusNotification",) * 2, ("Heartbeat",) * 2,
                            ("DiagnosticsStatusNotification",) * 2, ("FirmwareStatusNotification",) * 2):  # fmt: skip
        rig.link.sent.clear()
        equal(await rig.call("TriggerMessage", requestedMessage=message), {"status": "Accepted"})
        await rig.until(lambda action=action: rig.link.of(action), 500)


def stamps(rig):
    return [p["meterValue"][0]["timestamp"] for p in rig.link.of("MeterValues")]


QUARTER = NOW - NOW % 900 + 900


async def test_f_o10_no_aligned_reading_before_the_next_aligned_moment_after_a_clock_step():
    rig = await Rig(factory={"ClockAlignedDataInterval": 900}).online()
    for later in (450, 4 * 900 + 450, 86400 + 1, -3 * 900 - 7, 899):
        clock.set_utc(QUARTER + later, "ocpp", 100)
        rig.link.sent.clear()
        wait = 900 - later % 900
        await rig.seconds(wait - 1)
        equal(stamps(rig), [], "step to %d s after" % later)
        await rig.seconds(2)
        moment = QUARTER + later + wait
        equal(stamps(rig), [clock.iso(moment)] * 2, "step to %d s after" % later)


async def test_f_o10_a_clock_that_becomes_known_gives_no_reading_before_the_moment():
    rig = await Rig(utc=None, factory={"ClockAlignedDataInterval": 900}).online()
    clock._zero_s = None
    await rig.seconds(200)
    clock.set_utc(QUARTER + 450, "ocpp")
    await rig.seconds(440)
    equal(stamps(rig), [])
    await rig.seconds(11)
    equal(stamps(rig), [clock.iso(QUARTER + 900)] * 2)


async def test_f_o10_small_corrections_neither_repeat_nor_lose_an_aligned_moment():
    rig = await Rig(factory={"ClockAlignedDataInterval": 900}).online()
    clock.set_utc(QUARTER - 20, "ocpp")
    await rig.seconds(16)
    clock.set_utc(QUARTER + 3, "ocpp")  # over the moment
    await rig.seconds(2)
    equal(stamps(rig), [clock.iso(QUARTER)] * 2)
    clock.set_utc(QUARTER - 3, "ocpp")  # and back
    await rig.seconds(10)
    equal(stamps(rig), [clock.iso(QUARTER)] * 2)
    await rig.seconds(900)
    equal(stamps(rig), [clock.iso(QUARTER)] * 2 + [clock.iso(QUARTER + 900)] * 2)
    for since in (-30, 0):  # and back by more than 10 s, also to the moment itself
        clock.set_utc(QUARTER + 900 + since, "ocpp")
        await rig.seconds(60)
    equal(stamps(rig), [clock.iso(QUARTER)] * 2 + [clock.iso(QUARTER + 900)] * 2)


async def test_f_o19_all_readings_of_an_aligned_moment_have_its_stamp():
    rig = await Rig(2, factory={"ClockAlignedDataInterval": 60, "MeterValueSampleInterval": 0,
                                "StopTxnAlignedData": "Energy.Active.Import.Register"}).online()  # fmt: skip
    await rig.charge(1)
    await rig.seconds(61)
    found = stamps(rig)
    equal(len(found), 3)
    equal(len(set(found)), 1)
    equal(found[0][-8:], ":00.000Z")
    data = await stop_data(rig)
    true(found[0] in [d["timestamp"] for d in data])


async def test_f_o19_start_stop_and_readings_sort_with_the_statuses_by_time():
    rig = await Rig(factory={"MeterValueSampleInterval": 10, "StopTxnSampledData": "Energy.Active.Import.Register"}).online()
    clock.set_utc(NOW, "test", 777)
    rig.link.sent.clear()
    await rig.charge()
    await rig.seconds(25)
    data = await stop_data(rig)
    await rig.plug(plugged=False)
    await rig.seconds(2)
    times = {}
    for action, p in rig.link.sent:
        text = p["meterValue"][0]["timestamp"] if action == "MeterValues" else p.get("timestamp")
        times.setdefault(action + p.get("status", ""), []).append(text)
    start, stop = times["StartTransaction"][0], times["StopTransaction"][0]
    order = times["StatusNotificationPreparing"] + [start] + times["StatusNotificationCharging"] + times["MeterValues"]
    order += [stop] + times["StatusNotificationFinishing"] + times["StatusNotificationAvailable"]
    equal(order, sorted(order))
    equal([d["timestamp"] for d in data][0::len(data) - 1], [start, stop])
    true(any(text[-5:] != ".000Z" for text in (start, stop)), "milliseconds are sent")
