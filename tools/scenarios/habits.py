"""The habits of back ends in the field at each connection of a charger, for the local back end: scenario.py --habits NAME.

From their public sources and documentation; docs/BACKENDS.md lists more habits. Each has a part before the charger starts, which
says how BootNotification is answered, and a part once it has connected, which makes calls through `call(action, **payload)`.
"""

from backend import Result

HA_MEASURANDS = ("Current.Export,Current.Import,Current.Offered,Energy.Active.Import.Register,Frequency,Power.Active.Import,"
                 "Power.Factor,Power.Offered,SoC,Temperature,Voltage")
HA_SETTINGS = (("MeterValueSampleInterval", "60"), ("ClockAlignedDataInterval", "900"), ("WebSocketPingInterval", "20"))


def value(call, key):
    """The value of a configuration key, as asked for by itself."""
    return call("GetConfiguration", key=[key])["configurationKey"][0]["value"]


class HomeAssistant:
    """The integration: time with microseconds and an offset, then it reads what the charger can and sets what it wants."""

    @staticmethod
    def prepare(csms):
        """An hour between heartbeats."""
        csms.always("BootNotification", lambda _: Result({
            "currentTime": csms.now().replace("Z", "421+00:00"), "interval": 3600, "status": "Accepted"}))

    @staticmethod
    def connected(call):
        """Features, measurands one list after the other, intervals, availability, a status."""
        for key in ("SupportedFeatureProfiles", "NumberOfConnectors", "HeartbeatInterval"):
            value(call, key)
        if call("ChangeConfiguration", key="MeterValuesSampledData", value=HA_MEASURANDS)["status"] == "Rejected":
            good = value(call, "MeterValuesSampledData")
            call("ChangeConfiguration", key="MeterValuesSampledData", value=good)
        for key, text in HA_SETTINGS:
            call("ChangeConfiguration", key=key, value=text)
        call("ChangeAvailability", connectorId=0, type="Operative")
        call("TriggerMessage", requestedMessage="StatusNotification", connectorId=1)

    @classmethod
    def play(cls, csms):
        """The second part, with a charger that has just started."""
        csms.wait_booted()
        cls.connected(csms.call)


class Steve:
    """SteVe with an operator who looks at a new charger before it is let in."""

    @staticmethod
    def prepare(csms):
        """Pending first; then four hours between heartbeats."""
        answers = iter(("Pending",))
        csms.always("BootNotification", lambda _: Result({
            "status": next(answers, "Accepted"), "currentTime": csms.now(), "interval": 14400}))

    @staticmethod
    def connected(call):
        """The operator reads all keys, sets one and lets the charger register again."""
        call("GetConfiguration", key=[])
        call("ChangeConfiguration", key="MeterValueSampleInterval", value="60")
        call("TriggerMessage", requestedMessage="BootNotification")

    @classmethod
    def play(cls, csms):
        """The second part, with a charger that has just started."""
        csms.record.wait("BootNotification", "out", 3)
        cls.connected(csms.call)


HABITS = {"home-assistant": HomeAssistant, "steve": Steve}
