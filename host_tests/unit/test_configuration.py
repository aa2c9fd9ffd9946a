"""The configuration keys: table, types, ranges, access, persistence, factory values (C.11, OCPP-73, 74, 120, 121)."""

import asyncio  # noqa: F401 - a long chain of imports, too long for a 32-bit stack when it begins further down

import check
from check import equal, raises, true

from charger.config import keys
from charger.config.configuration import Configuration, key_bytes
from charger.credentials.vault import Vault
from charger.ocpp.v16.streamed_list import StreamedList
from charger.runtime import cooperative
from charger.store.files import Files

WORDS = (64, 32)

DEVICE_KEY = bytes(range(32))

# C.11, and D.5 as far as there is something behind it: key, access
KEYS = """AllowOfflineTxForUnknownId RW|AuthorizationCacheEnabled RW|AuthorizeRemoteTxRequests RW|BlinkRepeat RW
ClockAlignedDataInterval RW|ConnectionTimeOut RW|ConnectorPhaseRotation RW|ConnectorPhaseRotationMaxLength R
GetConfigurationMaxKeys R|HeartbeatInterval RW|LightIntensity RW|LocalAuthorizeOffline RW|LocalPreAuthorize RW
MaxEnergyOnInvalidId RW|MeterValuesAlignedData RW|MeterValuesAlignedDataMaxLength R|MeterValuesSampledData RW
MeterValuesSampledDataMaxLength R|MeterValueSampleInterval RW|MinimumStatusDuration RW|NumberOfConnectors R
ResetRetries RW|StopTransactionOnEVSideDisconnect R|StopTransactionOnInvalidId RW|StopTxnAlignedData RW
StopTxnAlignedDataMaxLength R|StopTxnSampledData RW|StopTxnSampledDataMaxLength R|SupportedFeatureProfiles R
TransactionMessageAttempts RW|TransactionMessageRetryInterval RW|UnlockConnectorOnEVSideDisconnect RW
WebSocketPingInterval RW|LocalAuthListEnabled RW|LocalAuthListMaxLength R|SendLocalListMaxLength R
ReserveConnectorZeroSupported R|ChargeProfileMaxStackLevel R|ChargingScheduleAllowedChargingRateUnit R
ChargingScheduleMaxPeriods R|ConnectorSwitch3to1PhaseSupported R|MaxChargingProfilesInstalled R
SupportedFileTransferProtocols R|CpoName RW|SecurityProfile RW
AdditionalRootCertificateCheck R|CertificateSignedMaxChainSize R|CertificateStoreMaxLength R"""


def make(factory=None, root=None, more=None, key=DEVICE_KEY):
    files = Files(root or check.folder())
    return Configuration(files, factory, more, Vault(files, key))


def _readable(config):
    return list(config.readable(config.changed))


def report(config, names):
    answer = cooperative.run_now(config.report(names))
    return answer.get("configurationKey", []), answer.get("unknownKey", [])


def test_the_table_is_complete_and_says_who_may_write():
    known = _readable(make())
    access = {entry["key"]: "R" if entry["readonly"] else "RW" for entry in known}
    for line in KEYS.split("\n"):
        for item in line.split("|"):
            name, wanted = item.split(" ")
            equal(access.get(name), wanted, name)
    for entry in known:
        true(isinstance(entry["value"], str) and len(entry["value"]) <= 500, entry["key"])


def test_every_default_is_a_value_that_the_key_itself_accepts():
    config = make()
    for entry in _readable(config):
        if not entry["readonly"] and entry["key"] != "SecurityProfile":
            equal(config.change(entry["key"], entry["value"]), "Accepted", entry["key"])


def test_names_are_found_in_any_case_and_told_as_they_are():
    known, unknown = report(make(), ["HEARTBEATinterval", "nosuchkey", "", "a|b", "MeterValueSampleInterval|i"])
    equal([entry["key"] for entry in known], ["HeartbeatInterval"])
    equal(unknown, ["nosuchkey", "", "a|b", "MeterValueSampleInterval|i"])


def test_change_checks_type_range_and_access():
    config = make()
    for key, value, status in (
        ("LocalPreAuthorize", "TRUE", "Accepted"), ("LocalPreAuthorize", "1", "Rejected"),
        ("MeterValueSampleInterval", " 30 ", "Accepted"), ("MeterValueSampleInterval", "30.0", "Rejected"),
        ("MeterValueSampleInterval", "1_0", "Rejected"), ("MeterValueSampleInterval", "-0", "Accepted"),
        ("MeterValueSampleInterval", "0x10", "Rejected"), ("MeterValueSampleInterval", "86401", "Rejected"),
        ("WebSocketPingInterval", "-1", "Rejected"), ("TransactionMessageAttempts", "0", "Rejected"),
        ("ClockAlignedDataInterval", "900", "Accepted"), ("ClockAlignedDataInterval", "901", "Rejected"),
        ("ClockAlignedDataInterval", "0", "Accepted"), ("NumberOfConnectors", "1", "Rejected"),
        ("ChargePointModel", "x", "NotSupported"), ("Nothing", "x", "NotSupported"), ("CpoName", "x" * 65, "Rejected"),
        ("ConnectorPhaseRotation", "0.RST,1.NotApplicable", "Accepted"), ("ConnectorPhaseRotation", "1.XYZ", "Rejected"),
        ("ConnectorPhaseRotation", "2.RST", "Rejected"), ("ConnectorPhaseRotation", "RST", "Rejected"),
    ):
        equal(config.change(key, value), status, key + "=" + value)
    equal(config.get_int("MeterValueSampleInterval"), 0)
    true(config.get_bool("LocalPreAuthorize"))


def test_a_value_has_its_type_and_a_person_sets_only_what_fits():
    config = make({"ConnectorLock": False, "CpoName": "A"})
    equal([config.typed(name) for name in ("LocalPreAuthorize", "ConnectionTimeOut", "CpoName")], [False, 60, "A"])
    for name, value, wanted in (("localpreauthorize", "TRUE", "true"), ("CpoName", "B", "B"), ("Nothing", "x", None),
                                ("NumberOfConnectors", "1", None), ("CpoName", "B" * 501, None),
                                ("ConnectionTimeOut", "x", None)):
        equal(config.normalise(name, value), wanted, name)
    equal([config.fits("ConnectionTimeOut", value) for value in ("60", "x", "-1")], [True, False, False])
    locked = Configuration(Files(check.folder()), None, None, None, True)
    equal((locked.normalise("LocalPreAuthorize", "true"), locked.change("LocalPreAuthorize", "true")), (None, "Rejected"))


def test_a_unit_without_a_lock_cannot_be_told_to_hold_a_cable():
    key = "UnlockConnectorOnEVSideDisconnect"
    for lock, status in ((True, "Accepted"), (False, "Rejected")):
        config = make({"ConnectorLock": lock})
        equal(config.unlock_on_disconnect, True)
        equal((config.change(key, "false"), config.unlock_on_disconnect), (status, not lock))
        equal((make({"ConnectorLock": lock}).change(key, "false"), make({"ConnectorLock": lock}).change(key, "true")),
              (status, "Accepted"))  # fmt: skip


def test_unsupported_measurands_change_nothing_ocpp73():
    config = make()
    before = config.get_str("MeterValuesSampledData")
    for value in ("SoC", "Voltage,SoC", "Voltage,,Frequency", "voltage", "Voltage.L2", "Voltage.L4", "Frequency.L1",
                  "Current.Import.L1-N", ",".join(["Voltage"] * 17)):  # fmt: skip
        equal(config.change("MeterValuesSampledData", value), "Rejected", value)
        equal(config.get_str("MeterValuesSampledData"), before)
    for value in ("Voltage.L1-N, Voltage.L1 ,Power.Factor", "", "Temperature"):
        equal(config.change("MeterValuesSampledData", value), "Accepted", value)
    config.describe_hardware(3)
    equal(config.change("StopTxnAlignedData", "Current.Import.L3,Voltage.L2-N"), "Accepted")
    equal(config.get_list("StopTxnAlignedData"), ["Current.Import.L3", "Voltage.L2-N"])
    config.describe_hardware(3, ("Temperature",))
    equal(config.change("StopTxnSampledData", "Temperature"), "Rejected")


def test_changes_persist_and_win_over_the_factory():
    root = check.folder()
    factory = {"ConnectionTimeOut": 77, "MeterValueSampleInterval": "45"}
    config = make(factory, root)
    equal(config.change("connectiontimeout", "78"), "Accepted")
    again = make(factory, root)
    equal((again.connection_timeout_s, again.get_int("MeterValueSampleInterval")), (78, 45))


def test_each_check_beyond_type_and_range_refuses_what_it_must():
    config = make({"ConnectorLock": False})
    for key, value, fits in (
        ("HouseMaxCurrent", "0", True), ("HouseMaxCurrent", "5", False), ("HouseMaxCurrent", "6", True),
        ("HouseMeter", "sunspec://192.168.0.2", True), ("HouseMeter", "http://192.168.0.2", False),
        ("TamperPolicy", "report", True), ("TamperPolicy", "ignore", False), ("Country", "DE", True), ("Country", "XY", False),
        ("SolarMode", "surplus", True), ("SolarMode", "moon", False), ("RandomisedProfiles", "1,-2,33", True),
        ("RandomisedProfiles", "1,two", False), ("AuthorizationKey", "0123456789abcdef", True),
        ("AuthorizationKey", "0" * 33, False),
    ):  # fmt: skip
        equal(config.normalise(key, value), value if fits else None, key + "=" + value)


def test_stored_values_that_do_not_fit_are_dropped_and_keys_of_other_firmware_are_kept():
    root = check.folder()
    stored = {"ConnectionTimeOut": "x", "BlinkRepeat": 5, "OfLater": "1", "HeartbeatInterval": "77"}
    Files(root).write_json("ocpp_config.json", stored)
    config = make({"ConnectionTimeOut": 66}, root)
    equal([config.get_int(name) for name in ("ConnectionTimeOut", "BlinkRepeat", "HeartbeatInterval")], [66, 3, 77])
    equal(config.change("CpoName", "A"), "Accepted")
    equal(Files(root).read_json("ocpp_config.json"), {"OfLater": "1", "HeartbeatInterval": "77", "CpoName": "A"})


def test_what_has_to_come_before_a_change_is_told_its_name_and_may_refuse_it():
    config, names, refusals = make(), [], []

    def before_change(name):
        names.append(name)
        if refusals:
            raise OSError(refusals[0])

    config.use_link_checks(lambda profile: True, before_change)
    equal(config.change("connectiontimeout", "61"), "Accepted")
    refusals.append(5)
    equal((config.change("ConnectionTimeOut", "62"), config.connection_timeout_s), ("Rejected", 61))
    equal(names, ["ConnectionTimeOut"] * 2)
    bare = make(key=None)
    bare.use_link_checks(lambda profile: True, before_change)
    equal((bare.change("AuthorizationKey", "ANOTHERKEY012345"), len(names)), ("Rejected", 2), "nothing came before it")


def test_a_change_that_the_flash_refuses_is_rejected_and_not_in_force():
    config = make()
    config._files.root = "/nowhere"
    equal(config.change("ConnectionTimeOut", "78"), "Rejected")
    equal(config.connection_timeout_s, 60)


def test_factory_values_are_taken_for_any_key_and_wrong_ones_are_reported():
    config = make({
        "numberofconnectors": 3, "SupportedFeatureProfiles": "Core", "ChargePointModel": "X", "ConnectorLock": False,
        "Colour": "red", "BlinkRepeat": "many", "SupplyVoltage": 231,
    })  # fmt: skip
    equal(sorted(config.unknown), ["BlinkRepeat", "Colour"])
    equal(make({7: "x"}).unknown, [7])
    equal((config.get_int("NumberOfConnectors"), config.get_int("SupplyVoltage"), config.supply_volts), (3, 231, 231))
    equal([entry["value"] for entry in report(config, ["NumberOfConnectors"])[0]], ["3"])
    equal(config.get_bool("ConnectorLock"), False)
    equal(config.change("NumberOfConnectors", "1"), "Rejected")


def test_device_facts_are_no_keys_of_ocpp():
    config = make({"ChargePointVendor": "ACME"})
    equal(report(config, ["ChargePointVendor"]), ([], ["ChargePointVendor"]))
    true(not [entry for entry in _readable(config) if entry["key"] == "ChargePointVendor"])
    equal(config.get_str("ChargePointVendor"), "ACME")


def test_given_defaults_give_way_to_the_factory_but_for_facts():
    config = make({"ChargePointModel": "X", "NumberOfConnectors": "4"})
    config.set_default("ChargePointModel", "Y")
    config.set_default("FirmwareVersion", "1.0")
    config.set_default("NumberOfConnectors", "1", always=True)
    equal([config.get_str(n) for n in ("ChargePointModel", "FirmwareVersion", "NumberOfConnectors")], ["X", "1.0", "1"])


def test_keys_of_a_profile_go_with_it_ocpp120():
    config = make({"SupportedFeatureProfiles": "Core,Reservation"})
    equal(report(config, ["LocalAuthListEnabled"])[1], ["LocalAuthListEnabled"])
    equal(config.change("LocalAuthListEnabled", "true"), "NotSupported")
    equal(len(report(config, ["ReserveConnectorZeroSupported"])[0]), 1)


def test_the_authorization_key_is_written_and_never_read_ocpp8():
    root = check.folder()
    config = make(None, root)
    equal(config.change("AuthorizationKey", "00112233445566778899aabbccddeeff"), "Accepted")
    equal(report(config, ["AuthorizationKey"])[0], [{"key": "AuthorizationKey", "readonly": False}])
    true(not [entry for entry in _readable(config) if entry["key"] == "AuthorizationKey"])
    equal(config.all()["AuthorizationKey"], "")
    equal(make(None, root).get_str("AuthorizationKey"), "00112233445566778899aabbccddeeff")
    equal(config.change("AuthorizationKey", "tooshort"), "Rejected")


def test_the_authorization_key_is_in_the_vault_and_nowhere_else_sec10():
    """Also one that earlier firmware left in plain sight; without a vault a change is refused."""
    root, key = check.folder(), "PLAINKEY01234567"
    Files(root).write_json("ocpp_config.json", {"AuthorizationKey": key, "BlinkRepeat": "7"})
    bare = make(None, root, key=None)
    equal(bare.get_str("AuthorizationKey"), key)
    equal(bare.change("AuthorizationKey", "ANOTHERKEY012345"), "Rejected")
    equal(Configuration(Files(root)).change("AuthorizationKey", "ANOTHERKEY012345"), "Rejected")
    raises(OSError, Configuration(Files(root)).put, "AuthorizationKey", "ANOTHERKEY012345")
    for _ in range(2):
        config = make(None, root)
        equal((config.get_str("AuthorizationKey"), config.get_int("BlinkRepeat")), (key, 7))
        true(key not in Files(root).read("ocpp_config.json").decode())
        equal(config.change("HeartbeatInterval", "%d" % (config.get_int("HeartbeatInterval") + 1)), "Accepted")
        true(key not in Files(root).read("ocpp_config.json").decode(), "nor with the next change")
    equal(config.change("AuthorizationKey", "ANOTHERKEY012345"), "Accepted")
    equal(make(None, root).get_str("AuthorizationKey"), "ANOTHERKEY012345")
    true("ANOTHERKEY" not in Files(root).read("ocpp_config.json").decode())


def test_a_key_that_does_not_hold_is_not_replaced_by_the_factorys_sec10():
    root = check.folder()
    equal(make({"AuthorizationKey": "FACTORYKEY012345"}, root).get_str("AuthorizationKey"), "FACTORYKEY012345")
    make(None, root).change("AuthorizationKey", "ANOTHERKEY012345")
    for key in (bytes(32), DEVICE_KEY):
        if key == DEVICE_KEY:
            name = Files(root).names("vault")[-1]
            Files(root).write("vault/" + name, b"x" * 80)
        config = make({"AuthorizationKey": "FACTORYKEY012345"}, root, key=key)
        equal(config.get_str("AuthorizationKey"), "")
        true(config.key_lost)


def test_forms_of_an_authorization_key_ocpp7():
    for text, wanted in (
        ("DEADBEEFDEADBEEF", b"DEADBEEFDEADBEEF"), ("0123456789abcdefghij", b"0123456789abcdefghij"),
        ("00" * 16, bytes(16)), ("fF" * 20, b"\xff" * 20), ("0" * 33, None), ("g" * 32, None), ("a" * 15, None),
        ("a" * 21, None), ("a" * 42, None), ("", None),
    ):  # fmt: skip
        equal(key_bytes(text), wanted, text)
    equal(key_bytes("00" * 16, True), b"00" * 16)


def test_the_security_profile_only_rises_and_only_when_all_is_there_wp2_wp3():
    config = make({"SecurityProfile": 1})
    equal(config.change("SecurityProfile", "2"), "Rejected")
    config.use_link_checks(lambda profile: profile == 2)
    equal([config.change("SecurityProfile", v) for v in ("1", "0", "4", "3", "2", "2")],
          ["Rejected", "Rejected", "Rejected", "Rejected", "Accepted", "Rejected"])  # fmt: skip


def test_listeners_hear_of_accepted_changes_only():
    config = make()
    changes = []
    config.on_change("ConnectionTimeOut", changes.append)
    config.change("ConnectionTimeOut", "x")
    config.change("ConnectionTimeOut", "61")
    config.change("MeterValueSampleInterval", "61")
    equal(changes, ["61"])


def test_further_keys_of_other_domains():
    config = make(None, None, {"UkRandomDelayMax": ("i", "RW", "Core", "600", 0, 1800, "")})
    equal(config.get_int("UkRandomDelayMax"), 600)
    equal([config.change("ukrandomdelaymax", v) for v in ("1801", "1800")], ["Rejected", "Accepted"])
    raises(KeyError, config.get_str, "UkNothing")
    true("UkRandomDelayMax" not in keys.KEYS)


def test_a_damaged_file_means_defaults():
    root = check.folder()
    Files(root).write_json("ocpp_config.json", [1])
    equal(make(None, root).connection_timeout_s, 60)


def test_a_list_that_is_sent_in_parts_is_of_one_moment():
    config = make()
    stream = StreamedList("configurationKey", config.readable, config.changed)
    before = "".join(stream)
    equal(config.change("HeartbeatInterval", "4321"), "Accepted")
    equal("".join(stream), before)
    true('"4321"' in "".join(StreamedList("configurationKey", config.readable, config.changed)))
