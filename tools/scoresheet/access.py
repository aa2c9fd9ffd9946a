"""Rows on authentication and protocol."""

import base64
import datetime
import json
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend import CallRefused

from .sheet import WAIT_S, Group, need, row

AUTH = "authentication"
PROTOCOL = "protocol"
PASSWORD = "correct horse 16"
NEW_KEY = "0123456789abcdef0123456789abcdef01234567"
PEM = serialization.Encoding.PEM


def _certificate(folder, name, issuer=None):
    """A P-256 key with a certificate in files; (certificate, key, path)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - day).not_valid_after(now + 3650 * day)
        .add_extension(x509.BasicConstraints(issuer is None, None), True)
    )  # fmt: skip
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    certificate = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    path = folder / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(PEM))
    path.with_suffix(".key").write_bytes(key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate, key, path


class BasicAuth(Group):
    """Security profile 1."""

    options = ("--security-profile", "1", "--basic-auth-password", PASSWORD)

    @row(AUTH, "Basic authentication in the WebSocket upgrade (profile 1)")
    def basic(self):
        self.expect(PASSWORD.encode())

    @row(AUTH, "AuthorizationKey changed by the back end, used from the next connection on")
    def new_key(self):
        self.accepted("ChangeConfiguration", key="AuthorizationKey", value=NEW_KEY)
        self.charger.let_pass(5)  # in which it may reconnect by itself
        self.charger.network_down()
        self.csms.wait_disconnected(WAIT_S)
        connections = self.csms.connections
        self.charger.network_up()
        self.csms.wait_connected(connections + 1, WAIT_S)
        self.expect(bytes.fromhex(NEW_KEY))

    @row(AUTH, "AuthorizationKey cannot be read, security profile cannot be lowered")
    def secret(self):
        text = json.dumps(self.csms.call("GetConfiguration"))
        need(NEW_KEY not in text and PASSWORD not in text, "GetConfiguration tells the key")
        status = self.call("ChangeConfiguration", key="SecurityProfile", value="0")
        need(status == "Rejected", f"lowering SecurityProfile is answered {status}")

    def expect(self, password):
        """The last upgrade carried identity and password."""
        wanted = "Basic " + base64.b64encode(self.charger.identity.encode() + b":" + password).decode()
        need(self.csms.attempts[-1].authorization == wanted, "the upgrade carries another Authorization header")


class Tls(Group):
    """Security profile 2, a back end that speaks TLS 1.2."""

    version = ssl.TLSVersion.TLSv1_2

    def tls(self, folder):
        self.root = _certificate(folder, "root")
        self.path = _certificate(folder, "localhost", self.root)[2]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.path.with_suffix(".key"))
        context.minimum_version = context.maximum_version = self.version
        return context

    def options_of(self, folder):
        return ["--security-profile", "2", "--basic-auth-password", PASSWORD, "--ca", str(self.root[2])]

    def version_spoken(self):
        """Parameters negotiated on the charger's connection."""
        return self.csms.wait_connected(timeout_s=WAIT_S).wire.socket.transport.get_extra_info("ssl_object").version()

    @row(AUTH, "TLS 1.2 with the server's certificate checked (profile 2)")
    def spoken(self):
        need(self.version_spoken() == "TLSv1.2", "another version was negotiated")


class Tls13(Tls):
    """The same with TLS 1.3."""

    version = ssl.TLSVersion.TLSv1_3

    @row(AUTH, "TLS 1.3")
    def spoken(self):
        need(self.version_spoken() == "TLSv1.3", "another version was negotiated")


class ClientCertificate(Tls):
    """Security profile 3."""

    def tls(self, folder):
        context = super().tls(folder)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.root[2])
        self.own = _certificate(folder, "SIM1", self.root)[2]
        return context

    def options_of(self, folder):
        return ["--security-profile", "3", "--ca", str(self.root[2]), "--client-cert", str(self.own),
                "--client-key", str(self.own.with_suffix(".key"))]

    @row(AUTH, "TLS with a client certificate, no Basic header (profile 3)")
    def spoken(self):
        need(self.version_spoken() == "TLSv1.2", "another version was negotiated")
        need(self.csms.attempts[-1].authorization is None, "a Basic header is sent beside the certificate")


class WrongAuthority(Tls):
    """A server that the charger must not believe."""

    def options_of(self, folder):
        other = _certificate(folder, "other-root")[2]
        return ["--security-profile", "2", "--basic-auth-password", PASSWORD, "--ca", str(other)]

    def begin(self):
        self.csms.start()
        self.charger.csms_url = self.csms.url
        self.charger.start()

    @row(AUTH, "A server certificate of another authority is refused")
    def spoken(self):
        self.charger.wait_for(lambda _: any("certificate" in line for line in self.charger.log_lines()), WAIT_S,
                              "a word about the certificate in the log")
        need(not self.csms.attempts, "an upgrade was sent to a server that is not to be believed")


class Protocol(Group):
    """OCPP's frame: boot, status, remote operations."""

    @row(PROTOCOL, "OCPP 1.6J subprotocol, BootNotification first")
    def boot(self):
        need("ocpp1.6" in (self.csms.attempts[0].subprotocols or ""), "the subprotocol ocpp1.6 is not offered")
        need(self.csms.record.calls()[0].action == "BootNotification", "something goes before the BootNotification")

    @row(PROTOCOL, "StatusNotification of connector 0 and connector 1")
    def statuses(self):
        for connector in (0, 1):
            self.sent("StatusNotification", where=lambda p, n=connector: (p["connectorId"], p["status"]) == (n, "Available"))

    @row(PROTOCOL, "Connector 1 Faulted with its error code, and back")
    def faulted_one(self):
        self.faulted(1, "GroundFailure", "GroundFailure")

    @row(PROTOCOL, "Connector 0 Faulted with its error code, and back")
    def faulted_zero(self):
        self.faulted(0, "OtherError", "OtherError")

    def faulted(self, connector, fault, code):
        """Break it, mend it, and check that both are reported."""
        mark = self.mark
        self.charger.raise_fault(fault, connector)
        self.sent("StatusNotification", mark, lambda p: (p["connectorId"], p["status"], p["errorCode"]) == (
            connector, "Faulted", code))
        self.charger.clear_fault(fault, connector)
        self.sent("StatusNotification", mark, lambda p: (p["connectorId"], p["status"]) == (connector, "Available"))
        self.charger.wait_ocpp_status("Available", timeout_s=WAIT_S)

    @row(PROTOCOL, "HeartbeatInterval acts at once")
    def heartbeat(self):
        mark = self.mark
        self.change("HeartbeatInterval", "5")
        self.sent("Heartbeat", mark, count=2)
        self.change("HeartbeatInterval", "600")

    @row(PROTOCOL, "ChangeAvailability of connector 1 and of the whole unit")
    def availability(self):
        for connector in (1, 0):
            mark = self.mark
            self.accepted("ChangeAvailability", connectorId=connector, type="Inoperative")
            self.sent("StatusNotification", mark, lambda p: (p["connectorId"], p["status"]) == (1, "Unavailable"))
            self.accepted("ChangeAvailability", connectorId=connector, type="Operative")
            self.sent("StatusNotification", mark, lambda p: (p["connectorId"], p["status"]) == (1, "Available"))

    @row(PROTOCOL, "TriggerMessage: Heartbeat, StatusNotification, MeterValues, firmware and diagnostics status")
    def trigger(self):
        for name in ("Heartbeat", "StatusNotification", "MeterValues", "FirmwareStatusNotification",
                     "DiagnosticsStatusNotification"):
            mark = self.mark
            self.accepted("TriggerMessage", requestedMessage=name)
            self.sent(name, mark)

    @row(PROTOCOL, "UnlockConnector")
    def unlock(self):
        status = self.call("UnlockConnector", connectorId=1)
        need(status == "Unlocked", f"answered {status}")

    @row(PROTOCOL, "DataTransfer of another vendor is answered UnknownVendorId")
    def data_transfer(self):
        status = self.call("DataTransfer", vendorId="org.example")
        need(status == "UnknownVendorId", f"answered {status}")

    @row(PROTOCOL, "Authorization cache: learnt online, used offline, cleared by ClearCache")
    def cache(self):
        self.change("LocalAuthorizeOffline", "true")
        self.started("GOOD0002")
        self.free()
        self.offline_swipe("GOOD0002", True)
        self.accepted("ClearCache")
        self.offline_swipe("GOOD0002", False)

    @row(PROTOCOL, "Local list: full and differential update, version, used offline")
    def local_list(self):
        self.csms.ledger.set_tag("LISTED01")
        entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in ("LISTED01", "LISTED02")]
        self.accepted("SendLocalList", listVersion=1, updateType="Full", localAuthorizationList=entries)
        self.offline_swipe("LISTED01", True)
        self.accepted("SendLocalList", listVersion=2, updateType="Differential",
                      localAuthorizationList=[{"idTag": "LISTED01"}])
        need(self.csms.call("GetLocalListVersion") == {"listVersion": 2}, "the list has another version")
        self.offline_swipe("LISTED01", False)

    def offline_swipe(self, tag, starts):
        """Whether a card starts a session while there is no link."""
        self.delivered()
        self.charger.network_down()
        self.csms.wait_disconnected(WAIT_S)
        connections = self.csms.connections
        try:
            self.charger.plug_in()
            self.charger.wait_ocpp_status("Preparing")
            self.charger.swipe(tag)
            if starts:
                self.charger.wait_ocpp_status("Charging", timeout_s=WAIT_S)
            else:
                self.charger.let_pass(5)
                need(not self.charger.connector()["relay"], "a session began without authorisation")
        finally:
            self.free()
            self.charger.network_up()
            self.csms.wait_connected(connections + 1, WAIT_S)
        self.delivered()

    def delivered(self):
        """All messages of transactions have their answers: one that comes later would teach the card again."""
        self.charger.wait_for(lambda status: status["csms"]["waiting"] == 0, WAIT_S, "answers to all transaction messages")

    @row(PROTOCOL, "Reset, soft and hard, each with a new BootNotification")
    def reset(self):
        for kind in ("Soft", "Hard"):
            mark = self.mark
            self.accepted("Reset", type=kind)
            self.csms.wait_booted(since=mark, timeout_s=15)

    @row(PROTOCOL, "A session without a link is delivered afterwards, start before stop, once")
    def offline_session(self):
        self.change("AllowOfflineTxForUnknownId", "true")
        mark = self.mark
        self.offline_swipe("STRANGER", True)
        self.sent("StopTransaction", mark)
        names = [m.action for m in self.csms.record.calls(since=mark) if m.action.endswith("Transaction")]
        need(names == ["StartTransaction", "StopTransaction"], f"delivered were {names}")

    @row(PROTOCOL, "Reservation: reserved, refused to others, cancelled")
    def reservation(self):
        self.csms.wait_connected(timeout_s=WAIT_S)
        self.accepted("ReserveNow", connectorId=1, expiryDate="2037-01-01T00:00:00Z", idTag="GOOD0001", reservationId=7)
        self.charger.wait_ocpp_status("Reserved")
        status = self.call("RemoteStartTransaction", idTag="GOOD0002", connectorId=1)
        need(status == "Rejected", f"a remote start for another is answered {status}")
        self.accepted("CancelReservation", reservationId=7)
        self.charger.wait_ocpp_status("Available")

    @row(PROTOCOL, "Local card: accepted, and refused when the back end refuses it")
    def card(self):
        self.started()
        self.free()
        mark = self.mark
        self.charger.plug_in()
        self.charger.swipe("BLOCKED1")
        self.sent("Authorize", mark)
        self.charger.let_pass(4)
        need(not self.charger.connector()["relay"], "a blocked card switched on")
        self.free()


class Unsupported(Group):
    """The charger reports unsupported functions."""

    SECTION = "handling of unsupported ones"

    @row(SECTION, "Unsupported measurands are Rejected and change nothing")
    def measurands(self):
        before = self.csms.call("GetConfiguration", key=["MeterValuesSampledData"])
        for name in ("SoC", "RPM", "Energy.Active.Export.Register", "Energy.Reactive.Import.Register",
                     "Power.Reactive.Import", "Power.Factor.L3", "Voltage.L9", "Nonsense"):
            status = self.call("ChangeConfiguration", key="MeterValuesSampledData", value=f"Voltage,{name}")
            need(status == "Rejected", f"{name} is answered {status}")
        need(self.csms.call("GetConfiguration", key=["MeterValuesSampledData"]) == before, "the setting has changed")

    @row(SECTION, "Unknown keys NotSupported, read-only keys and bad values Rejected")
    def keys(self):
        for key, value, wanted in (("NoSuchKey", "1", "NotSupported"), ("NumberOfConnectors", "4", "Rejected"),
                                   ("HeartbeatInterval", "soon", "Rejected"), ("HeartbeatInterval", "-1", "Rejected")):
            status = self.call("ChangeConfiguration", key=key, value=value)
            need(status == wanted, f"{key}={value} is answered {status}")
        need(self.csms.call("GetConfiguration", key=["NoSuchKey"])["unknownKey"] == ["NoSuchKey"], "no unknownKey")

    @row(SECTION, "Unknown actions NotImplemented, malformed ones an error of their kind")
    def actions(self):
        for action, payload, codes in (
            ("Dance", {}, ("NotImplemented",)),
            ("Reset", {"type": 5}, ("TypeConstraintViolation",)),
            ("Reset", {"type": "Gentle"}, ("PropertyConstraintViolation",)),
            ("Reset", {}, ("ProtocolError", "OccurenceConstraintViolation", "FormationViolation")),
        ):
            uid = f"u{self.mark}"
            answer = self.csms.raw_call(json.dumps([2, uid, action, payload]), uid)
            need(answer.kind == 4 and answer.code in codes, f"{action} {payload} is answered {answer.code or answer.payload}")

    @row(SECTION, "A trigger for a message that the charger never sends is NotImplemented or refused by its schema")
    def trigger(self):
        text = json.dumps([2, "t", "TriggerMessage", {"requestedMessage": "Authorize"}])
        answer = self.csms.raw_call(text, "t")
        refused = answer.kind == 4 or answer.payload["status"] in ("NotImplemented", "Rejected")
        need(refused, f"answered {answer.payload}")

    @row(SECTION, "Units and connectors that are not there are refused in SetChargingProfile and GetCompositeSchedule")
    def strangers(self):
        status = self.call("GetCompositeSchedule", connectorId=9, duration=60)
        need(status == "Rejected", f"GetCompositeSchedule is answered {status}")
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
        profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
                   "chargingProfileKind": "Relative", "chargingSchedule": schedule}
        try:
            status = self.call("SetChargingProfile", connectorId=9, csChargingProfiles=profile)
        except CallRefused as refused:
            status = refused.code
        need(status in ("Rejected", "PropertyConstraintViolation"), f"SetChargingProfile is answered {status}")
