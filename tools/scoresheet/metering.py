"""Rows on meter values: their configuration, when they are sent, what is in them."""

from .sheet import Group, need, row

CONFIGURATION = "meter configuration"
TRANSMISSION = "transmission"
MEASURANDS = "measurands"
ENERGY = "Energy.Active.Import.Register"
UNITS = {
    ENERGY: "Wh", "Power.Active.Import": "W", "Current.Import": "A", "Voltage": "V", "Current.Offered": "A",
    "Power.Offered": "W", "Frequency": None, "Power.Factor": None, "Temperature": "Celsius",
}


def contexts(payload):
    """The reading contexts in a MeterValues payload or a list of meterValues."""
    values = payload["meterValue"] if isinstance(payload, dict) else payload
    return {s.get("context") for v in values for s in v["sampledValue"]}


class Configured(Group):
    """Remote meter configuration, by ChangeConfiguration alone."""

    @row(CONFIGURATION, "MeterValuesSampledData by ChangeConfiguration")
    def sampled(self):
        self.change("MeterValuesSampledData", "Voltage,Power.Active.Import")

    @row(CONFIGURATION, "MeterValuesAlignedData by ChangeConfiguration")
    def aligned(self):
        self.change("MeterValuesAlignedData", "Voltage,Frequency")

    @row(CONFIGURATION, "StopTxnSampledData and StopTxnAlignedData by ChangeConfiguration")
    def stop(self):
        self.change("StopTxnSampledData", "Voltage," + ENERGY)
        self.change("StopTxnAlignedData", ENERGY)

    @row(CONFIGURATION, "MeterValueSampleInterval by ChangeConfiguration")
    def interval(self):
        self.change("MeterValueSampleInterval", "5")

    @row(CONFIGURATION, "ClockAlignedDataInterval by ChangeConfiguration")
    def aligned_interval(self):
        self.change("ClockAlignedDataInterval", "60")

    @row(CONFIGURATION, "Per-phase measurands can be configured")
    def phase(self):
        self.change("MeterValuesSampledData", "Voltage.L1-N,Current.Import.L1")

    @row(CONFIGURATION, "An empty list switches a kind of reading off")
    def empty(self):
        self.change("StopTxnAlignedData", "")

    @row(CONFIGURATION, "Settings outlast a restart")
    def outlasts(self):
        mark = self.mark
        self.charger.kill()
        self.charger.start()
        self.csms.wait_booted(since=mark)
        entry = self.csms.call("GetConfiguration", key=["MeterValuesSampledData"])["configurationKey"][0]
        need(entry["value"] == "Voltage.L1-N,Current.Import.L1", f"afterwards it is {entry['value']}")


class Sent(Group):
    """A session of which readings of each kind are asked for, then the measurands one by one."""

    scale = 20
    settings = {"MeterValuesSampledData": ",".join(UNITS), "StopTxnSampledData": ENERGY, "StopTxnAlignedData": ENERGY}

    @row(TRANSMISSION, "At an interval, with the transaction (Sample.Periodic)")
    def interval(self):
        self.change("MeterValueSampleInterval", "10")
        mark = self.mark
        transaction = self.started()
        payload = self.sent("MeterValues", mark, lambda p: p.get("transactionId") == transaction.id, count=2)
        need(contexts(payload) == {"Sample.Periodic"}, f"the context is {contexts(payload)}")
        self.full = payload

    @row(TRANSMISSION, "By the clock (Sample.Clock)")
    def clock(self):
        mark = self.mark
        self.change("ClockAlignedDataInterval", "60")
        payload = self.sent("MeterValues", mark, lambda p: contexts(p) == {"Sample.Clock"})
        stamp = payload["meterValue"][0]["timestamp"]
        need(stamp[16:19] in (":00", ":01"), f"the reading by the clock is of {stamp}")

    @row(TRANSMISSION, "When triggered (Trigger)")
    def trigger(self):
        mark = self.mark
        self.accepted("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        self.sent("MeterValues", mark, lambda p: contexts(p) == {"Trigger"})

    @row(TRANSMISSION, "At the start and at the stop: meterStart, meterStop, Transaction.Begin and Transaction.End")
    def ends(self):
        self.charger.wait_connector(lambda c: c["energy_wh"] > 0, what="energy")
        mark = self.mark
        self.charger.plug_out()
        stop = self.sent("StopTransaction", mark)
        start = self.sent("StartTransaction")
        need(stop["meterStop"] > start["meterStart"], "the register did not move")
        found = contexts(stop.get("transactionData", []))
        need({"Transaction.Begin", "Transaction.End"} <= found, f"transactionData has {sorted(map(str, found))}")

    def has(self, measurand):
        """The periodic reading holds it, as a plain number with its unit."""
        found = [s for v in self.full["meterValue"] for s in v["sampledValue"] if s["measurand"] == measurand]
        need(found, "not in the reading")
        for sample in found:
            float(sample["value"])
            need(sample.get("unit") == UNITS[measurand], f"the unit is {sample.get('unit')}")
        return found

    @row(MEASURANDS, ENERGY)
    def energy(self):
        self.has(ENERGY)

    @row(MEASURANDS, "Power.Active.Import")
    def power(self):
        need(float(self.has("Power.Active.Import")[0]["value"]) > 1000, "no power while charging")

    @row(MEASURANDS, "Current.Import, per phase")
    def current(self):
        need(self.has("Current.Import")[0].get("phase") == "L1", "no phase")

    @row(MEASURANDS, "Voltage, per phase")
    def voltage(self):
        need(self.has("Voltage")[0].get("phase") == "L1-N", "no phase")

    @row(MEASURANDS, "Current.Offered")
    def current_offered(self):
        self.has("Current.Offered")

    @row(MEASURANDS, "Power.Offered")
    def power_offered(self):
        self.has("Power.Offered")

    @row(MEASURANDS, "Frequency")
    def frequency(self):
        self.has("Frequency")

    @row(MEASURANDS, "Power.Factor")
    def power_factor(self):
        self.has("Power.Factor")

    @row(MEASURANDS, "Temperature")
    def temperature(self):
        self.has("Temperature")
