"""Configuration keys over OCPP and the command line (OCPP-73, OCPP-74, OCPP-120, OCPP-121, OCPP-8)."""

import pytest

from backend import Csms, Simulator
from sim.sessions import start_session

REQUIRED = {
    "AuthorizeRemoteTxRequests", "ClockAlignedDataInterval", "ConnectionTimeOut", "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys", "HeartbeatInterval", "LocalAuthorizeOffline", "LocalPreAuthorize",
    "MeterValueSampleInterval", "MeterValuesAlignedData", "MeterValuesSampledData", "NumberOfConnectors",
    "ResetRetries", "StopTransactionOnInvalidId", "StopTxnAlignedData", "StopTxnSampledData",
    "SupportedFeatureProfiles", "TransactionMessageAttempts", "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
}


def value_of(csms, key):
    """One key as the charger reports it."""
    return csms.call("GetConfiguration", key=[key])["configurationKey"][0]


def test_all_keys_are_reported(launch, csms, word):
    """OCPP-74: without names, every readable key, the required ones of the Core profile among them, secrets never."""
    launch(word=word, connectors=2, options=["--basic-auth-password", "0123456789abcdef"])
    csms.wait_booted(connectors=2)
    answer = csms.call("GetConfiguration")
    keys = {entry["key"]: entry for entry in answer["configurationKey"]}
    assert keys.keys() >= REQUIRED
    assert keys["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    assert "value" not in keys.get("AuthorizationKey", {})
    assert not answer.get("unknownKey")


def test_names_and_unknown_names(charger, csms):
    """OCPP-74, OCPP-120: what is asked for, in any case, and the rest under unknownKey."""
    answer = csms.call("GetConfiguration", key=["heartbeatinterval", "NoSuchKey", "NumberOfConnectors"])
    assert {e["key"].lower() for e in answer["configurationKey"]} == {"heartbeatinterval", "numberofconnectors"}
    assert answer["unknownKey"] == ["NoSuchKey"]


@pytest.mark.parametrize("key, value, status", [
    ("MeterValueSampleInterval", "30", "Accepted"),
    ("metervaluesampleinterval", "31", "Accepted"),
    ("AuthorizeRemoteTxRequests", "TRUE", "Accepted"),
    ("MeterValueSampleInterval", "-1", "Rejected"),
    ("MeterValueSampleInterval", "soon", "Rejected"),
    ("MeterValueSampleInterval", "", "Rejected"),
    ("MeterValueSampleInterval", "1e3", "Rejected"),
    ("MeterValueSampleInterval", "99999999999999999999", "Rejected"),
    ("AuthorizeRemoteTxRequests", "maybe", "Rejected"),
    ("WebSocketPingInterval", "-5", "Rejected"),
    ("MeterValuesSampledData", "Energy.Active.Import.Register,Wind.Speed", "Rejected"),
    ("MeterValuesSampledData", "Energy.Active.Import.Register,Voltage", "Accepted"),
    ("NumberOfConnectors", "7", "Rejected"),
    ("SupportedFeatureProfiles", "Core", "Rejected"),
    ("NoSuchKey", "1", "NotSupported"),
])
def test_change(shared_charger, key, value, status):
    """OCPP-73: the right status, and the value changed only when it was accepted."""
    csms = shared_charger
    before = csms.call("GetConfiguration", key=[key]).get("configurationKey")
    assert csms.call("ChangeConfiguration", key=key, value=value)["status"] == status
    after = csms.call("GetConfiguration", key=[key]).get("configurationKey")
    if status == "Accepted":
        assert after[0]["value"].lower() == value.lower()
    else:
        assert after == before


@pytest.fixture(scope="module")
def shared_charger(tmp_path_factory):
    """One charger for the table above: each row restores nothing, and depends on no other."""
    with Csms() as backend, Simulator(tmp_path_factory.mktemp("shared"), csms_url=backend.url):
        backend.wait_booted()
        yield backend
        assert backend.problems() == []


def test_changes_survive_restart_and_beat_the_command_line(launch, csms):
    """OCPP-121 and the contract: persisted values win over --set, which wins over the defaults."""
    sim = launch(settings={"MeterValueSampleInterval": 45, "ConnectionTimeOut": 77})
    csms.wait_booted()
    assert value_of(csms, "MeterValueSampleInterval")["value"] == "45"
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="46")["status"] == "Accepted"
    mark = len(csms.record)
    assert sim.stop() == 0
    sim.start()
    csms.wait_booted(since=mark)
    assert value_of(csms, "MeterValueSampleInterval")["value"] == "46"
    assert value_of(csms, "ConnectionTimeOut")["value"] == "77"
    assert sim.config()["MeterValueSampleInterval"] == "46"


def test_accepted_change_survives_a_power_cut(charger, csms):
    """OCPP-121: what was answered Accepted is on flash."""
    assert csms.call("ChangeConfiguration", key="ConnectionTimeOut", value="93")["status"] == "Accepted"
    charger.kill()
    mark = len(csms.record)
    charger.start()
    csms.wait_booted(since=mark)
    assert value_of(csms, "ConnectionTimeOut")["value"] == "93"


def test_unknown_factory_key_is_a_warning(launch, csms):
    """The contract: unknown --set keys are ignored with a warning that names them."""
    sim = launch(settings={"Colour": "red", "MeterValueSampleInterval": 12})
    csms.wait_booted()
    assert value_of(csms, "MeterValueSampleInterval")["value"] == "12"
    assert [line for line in sim.log_lines() if "Colour" in line]
    assert csms.call("GetConfiguration", key=["Colour"])["unknownKey"] == ["Colour"]


def test_useless_factory_value_is_a_warning(launch, csms):
    """A value that the key cannot have is not taken, and said."""
    sim = launch(settings={"ConnectionTimeOut": "soon"})
    csms.wait_booted()
    assert value_of(csms, "ConnectionTimeOut")["value"] == "60"
    assert [line for line in sim.log_lines() if "ConnectionTimeOut" in line]


def test_heartbeat_interval_acts_at_once(launch, csms):
    """OCPP-121: a new HeartbeatInterval does not wait for the old one to pass."""
    launch(time_scale=10)
    csms.wait_booted()
    mark = len(csms.record)
    assert csms.call("ChangeConfiguration", key="HeartbeatInterval", value="15")["status"] == "Accepted"
    csms.record.wait("Heartbeat", since=mark, timeout_s=10)


def test_sample_interval_acts_on_the_running_transaction(launch, csms):
    """MeterValueSampleInterval 0 means none; raised in the middle of a transaction, values come (OCPP-90)."""
    sim = launch(time_scale=10, settings={"MeterValueSampleInterval": 0})
    csms.wait_booted()
    start_session(sim, csms)
    sim.let_pass(10)
    assert not csms.record.calls("MeterValues")
    assert csms.call("ChangeConfiguration", key="MeterValueSampleInterval", value="5")["status"] == "Accepted"
    csms.record.wait("MeterValues", count=2, timeout_s=15)
