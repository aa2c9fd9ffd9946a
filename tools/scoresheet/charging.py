"""Rows on transactions, charging profiles and firmware."""

import base64
import http.server
import threading

from backend import CallRefused

from .sheet import WAIT_S, Group, need, row

TRANSACTIONS = "transactions and profiles"
FIRMWARE = "firmware"


def profile(limits, purpose="TxProfile", number=1, level=0, **more):
    """A profile with a period for each (seconds, A)."""
    periods = [{"startPeriod": start, "limit": limit} for start, limit in limits]
    return {
        "chargingProfileId": number, "stackLevel": level, "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}, **more,
    }


class Remote(Group):
    """Transactions that the back end starts and stops."""

    def request_remote(self, tag, **more):
        """Plug in and start remotely; return the mark before both."""
        mark = self.mark
        self.charger.plug_in()
        self.charger.wait_ocpp_status("Preparing")
        self.accepted("RemoteStartTransaction", idTag=tag, connectorId=1, **more)
        return mark

    def remote(self, tag, **more):
        """Plug in and start remotely; return the transaction when energy flows."""
        return self.transaction(self.request_remote(tag, **more))

    def end_session(self):
        """Unplug; return the StopTransaction once the connector is Available."""
        mark = self.mark
        self.charger.plug_out()
        stop = self.sent("StopTransaction", mark)
        self.charger.wait_ocpp_status("Available", timeout_s=WAIT_S)
        return stop

    @row(TRANSACTIONS, "Remote start with a known tag, remote stop with reason Remote")
    def known(self):
        transaction = self.remote("GOOD0001")
        need(transaction.id_tag == "GOOD0001", f"StartTransaction has idTag {transaction.id_tag}")
        mark = self.mark
        self.accepted("RemoteStopTransaction", transactionId=transaction.id)
        reason = self.sent("StopTransaction", mark)["reason"]
        need(reason == "Remote", f"the reason is {reason}")
        self.free()

    @row(TRANSACTIONS, "Remote start with an empty tag: the unit's own tag on the wire")
    def empty(self):
        self.csms.ledger.set_tag("FreeVend")
        transaction = self.remote("")
        need(transaction.id_tag == "FreeVend", f"StartTransaction has idTag {transaction.id_tag!r}")
        self.end_session()

    @row(TRANSACTIONS, "Remote start with an unknown tag: started, then ended with DeAuthorized when refused")
    def unknown(self):
        mark = self.request_remote("STRANGER")
        need(self.sent("StartTransaction", mark)["idTag"] == "STRANGER", "another tag was sent")
        reason = self.sent("StopTransaction", mark).get("reason")
        need(reason == "DeAuthorized", f"the reason is {reason}")
        self.free()

    @row(TRANSACTIONS, "Remote start with AuthorizeRemoteTxRequests asks first; an unknown tag starts nothing")
    def asked(self):
        self.change("AuthorizeRemoteTxRequests", "true")
        mark = self.request_remote("STRANGER")
        need(self.sent("Authorize", mark)["idTag"] == "STRANGER", "another tag was asked for")
        self.charger.let_pass(4)
        need(not self.charger.connector()["relay"], "energy flows")
        self.change("AuthorizeRemoteTxRequests", "false")
        self.free()

    @row(TRANSACTIONS, "Remote start with a TxProfile, which ends with its transaction")
    def with_profile(self):
        self.remote("GOOD0001", chargingProfile=profile([(0, 9)]))
        self.offered(9)
        self.end_session()
        self.remote("GOOD0001")
        need(self.charger.connector()["offered_amps"] > 9, "the limit of the transaction before still holds")
        self.end_session()

    @row(TRANSACTIONS, "Remote start without a car waits for it; ConnectionTimeOut ends the waiting")
    def waits(self):
        self.change("ConnectionTimeOut", "10")
        self.accepted("RemoteStartTransaction", idTag="GOOD0001", connectorId=1)
        self.charger.wait_ocpp_status("Preparing")
        self.charger.wait_ocpp_status("Available", timeout_s=WAIT_S)
        self.accepted("RemoteStartTransaction", idTag="GOOD0001", connectorId=1)
        mark = self.mark
        self.charger.plug_in()
        self.transaction(mark)
        self.end_session()

    @row(TRANSACTIONS, "Free vend: a car alone starts a transaction with FreeVendIdTag")
    def free_vend(self):
        self.change("FreeVend", "true")
        mark = self.mark
        self.charger.plug_in()
        need(self.transaction(mark).id_tag == "FreeVend", "another tag was sent")
        self.change("FreeVend", "false")
        self.end_session()

    @row(TRANSACTIONS, "Unplugging ends the transaction with EVDisconnected")
    def unplugged(self):
        self.started()
        reason = self.end_session().get("reason")
        need(reason == "EVDisconnected", f"the reason is {reason}")

    @row(TRANSACTIONS, "A power cut ends the transaction with PowerLoss, told after the start-up")
    def power_loss(self):
        transaction = self.started()
        mark = self.mark
        self.charger.power_cut()
        stop = self.sent("StopTransaction", mark)
        need((stop["transactionId"], stop["reason"]) == (transaction.id, "PowerLoss"), f"told was {stop['reason']}")


class Profiles(Group):
    """Smart charging in a session per row."""

    def begin(self):
        super().begin()
        self.transaction_id = self.started().id

    def install(self, wanted, connector=1):
        """Send a SetChargingProfile, which the charger has to accept."""
        if wanted["chargingProfilePurpose"] == "TxProfile":
            wanted = {**wanted, "transactionId": self.transaction_id}
        self.accepted("SetChargingProfile", connectorId=connector, csChargingProfiles=wanted)

    def clear(self):
        """Clear all profiles and wait for the full current."""
        self.call("ClearChargingProfile")
        self.charger.wait_connector(lambda c: c["offered_amps"] > 16, WAIT_S, "the full current")

    @row(TRANSACTIONS, "TxProfile limits the running session; pilot and car follow")
    def limited(self):
        self.install(profile([(0, 10)]))
        self.offered(10)
        self.charger.wait_connector(lambda c: 0 < c["drawn_amps"] <= 10.5, WAIT_S, "at most 10 A drawn")
        self.clear()

    @row(TRANSACTIONS, "Stacked profiles: the highest level rules, the one below follows when it is cleared")
    def stacked(self):
        self.install(profile([(0, 14)], number=1, level=0))
        self.offered(14)
        self.install(profile([(0, 8)], number=2, level=3))
        self.offered(8)
        self.install(profile([(0, 11)], number=3, level=1))
        self.accepted("ClearChargingProfile", id=2)
        self.offered(11)
        self.clear()

    @row(TRANSACTIONS, "A profile of several periods changes the current by itself")
    def periods(self):
        wanted = profile([(0, 13), (20, 7), (40, 12)], purpose="TxProfile", chargingProfileKind="Absolute")
        wanted["chargingSchedule"]["startSchedule"] = self.charger.status()["utc"]
        self.install(wanted)
        for amps in (13, 7, 12):
            self.offered(amps)
        self.clear()

    @row(TRANSACTIONS, "A multi-period profile is overridden in mid-session by one of the same level")
    def overridden(self):
        self.install(profile([(0, 14), (3600, 6)]))
        self.offered(14)
        self.install(profile([(0, 9), (3600, 6)]))
        self.offered(9)
        self.clear()

    @row(TRANSACTIONS, "A limit below 6 A suspends (SuspendedEVSE), its end resumes")
    def suspended(self):
        self.install(profile([(0, 0)]))
        self.charger.wait_ocpp_status("SuspendedEVSE", timeout_s=WAIT_S)
        self.clear()
        self.charger.wait_ocpp_status("Charging", timeout_s=WAIT_S)

    @row(TRANSACTIONS, "TxDefaultProfile and ChargePointMaxProfile: the lowest of them rules")
    def defaults(self):
        absolute = {"chargingProfileKind": "Absolute"}
        self.install(profile([(0, 12)], "TxDefaultProfile", 5))
        self.offered(12)
        self.install(profile([(0, 8)], "ChargePointMaxProfile", 6, **absolute), 0)
        self.offered(8)
        self.clear()

    @row(TRANSACTIONS, "GetCompositeSchedule of connector 1 and of the unit, in A and in W")
    def composite(self):
        self.install(profile([(0, 10)], "TxDefaultProfile", 5))
        for connector, unit, limit in ((1, "A", 10), (1, "W", 2300), (0, "A", 10)):
            answer = self.csms.call("GetCompositeSchedule", connectorId=connector, duration=300, chargingRateUnit=unit)
            need(answer["status"] == "Accepted", f"answered {answer['status']}")
            found = answer["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            need(found == limit, f"connector {connector} has {found} {unit}, not {limit}")
        self.clear()

    @row(TRANSACTIONS, "ClearChargingProfile by id, purpose and level; Unknown when nothing fits")
    def cleared(self):
        self.install(profile([(0, 10)], number=4, level=2))
        status = self.call("ClearChargingProfile", id=99)
        need(status == "Unknown", f"an unknown id is answered {status}")
        self.accepted("ClearChargingProfile", connectorId=1, chargingProfilePurpose="TxProfile", stackLevel=2)


class Shared(Group):
    """Two connectors under one limit."""

    connectors = 2

    @row(TRANSACTIONS, "Two connectors charge at once within a shared ChargePointMaxProfile")
    def shared(self):
        whole = profile([(0, 20)], "ChargePointMaxProfile", chargingProfileKind="Absolute")
        self.accepted("SetChargingProfile", connectorId=0, csChargingProfiles=whole)
        for connector, tag in ((1, "GOOD0001"), (2, "GOOD0002")):
            self.charger.plug_in(connector)
            self.charger.swipe(tag, connector)
            self.charger.wait_ocpp_status("Charging", connector=connector, timeout_s=WAIT_S)
        self.charger.wait_for(
            lambda s: all(s["connectors"][n]["offered_amps"] >= 6 for n in "12")
            and sum(s["connectors"][n]["offered_amps"] for n in "12") <= 20, WAIT_S, "20 A shared by both")


class _Sink(http.server.BaseHTTPRequestHandler):
    """Takes uploads."""

    def do_PUT(self):
        self.server.uploads.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


class Firmware(Group):
    """Updates and diagnostics."""

    def begin(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
        self.server.uploads = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        super().begin()

    def end(self):
        super().end()
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self):
        """URL of the file server."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    @row(FIRMWARE, "GetDiagnostics uploads a file: Uploading, Uploaded")
    def diagnostics(self):
        mark = self.mark
        need(self.csms.call("GetDiagnostics", location=self.address, retries=0).get("fileName"), "no file name")
        self.sent("DiagnosticsStatusNotification", mark, lambda p: p["status"] == "Uploading")
        self.sent("DiagnosticsStatusNotification", mark, lambda p: p["status"] == "Uploaded")
        need(self.server.uploads, "nothing has arrived")

    @row(FIRMWARE, "Failed diagnostics are told: UploadFailed")
    def diagnostics_fail(self):
        mark = self.mark
        self.csms.call("GetDiagnostics", location="http://127.0.0.1:9/", retries=0)
        self.sent("DiagnosticsStatusNotification", mark, lambda p: p["status"] == "UploadFailed")

    @row(FIRMWARE, "Remote update (UpdateFirmware) with FirmwareStatusNotifications")
    def update(self):
        mark = self.mark
        try:
            self.csms.call("UpdateFirmware", location=self.address + "none.bin", retries=0,
                           retrieveDate="2026-01-01T00:00:00Z")
        except CallRefused as refused:
            need(False, f"UpdateFirmware is answered {refused.code}")
        self.sent("FirmwareStatusNotification", mark, lambda p: p["status"] == "Downloading")
        self.sent("FirmwareStatusNotification", mark, lambda p: p["status"] == "DownloadFailed")

    @row(FIRMWARE, "Signed update (SignedUpdateFirmware): a certificate that is none is refused")
    def signed(self):
        try:
            status = self.call("SignedUpdateFirmware", requestId=1, firmware={
                "location": self.address + "none.bin", "retrieveDateTime": "2026-01-01T00:00:00Z",
                "signingCertificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "signature": base64.b64encode(b"x" * 64).decode()})
        except CallRefused as refused:
            status = refused.code
        need(status == "InvalidCertificate", f"SignedUpdateFirmware is answered {status}")
