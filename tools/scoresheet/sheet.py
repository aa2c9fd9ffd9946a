"""Rows, the bench that they are run on, and how an answer becomes Yes or No."""

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from backend import CallRefused, CommandRefused, Csms, Simulator, SimulatorError, StrictBackend, WaitTimeout, fast_clock

TAGS = {"GOOD0001": "Accepted", "GOOD0002": "Accepted", "BLOCKED1": "Blocked"}
SCALE = 10  # the chargers live this much faster than we do
CLOCK = 60  # the back end's clock is ahead of all of them
WAIT_S = 10  # for one thing to happen
SECTIONS = ("authentication", "protocol", "meter configuration", "transmission", "measurands",
            "handling of unsupported ones", "transactions and profiles", "firmware")


class No(Exception):
    """The row is not earned, and why."""


@dataclass
class Row:
    """One line of the sheet."""

    section: str
    text: str
    yes: bool
    reason: str = ""


def row(section, text):
    """Mark a group's method as the check of a row: it returns when the run showed it, else raises."""
    def mark(method):
        method.row = (section, text)
        return method
    return mark


def need(condition, why):
    """No, unless."""
    if not condition:
        raise No(why)


class Group:
    """Some rows that share a charger and a back end. Its checks run in the order in which they are written."""

    connectors = 1
    settings = {}
    options = ()
    scale = SCALE

    def __init__(self, word, seed, folder, overrides):
        self.csms = Csms(tags=TAGS, tls=self.tls(Path(folder)))
        self.csms.now = fast_clock(CLOCK)
        self.charger = Simulator(
            Path(folder) / "state", csms_url=None, word=word, seed=seed, connectors=self.connectors,
            time_scale=self.scale, settings={**self.settings, **overrides}, options=self.options_of(Path(folder)))

    def tls(self, folder):
        """The back end's SSL context, None for ws."""

    def options_of(self, folder):
        """Further command-line words."""
        return list(self.options)

    def begin(self):
        """Up and accepted."""
        self.csms.start()
        self.charger.csms_url = self.csms.url
        self.charger.start()
        self.csms.wait_booted(connectors=self.connectors)
        self.charger.wait_ocpp_status("Available")

    def end(self):
        """Leave nothing running."""
        self.charger.close()
        self.csms.stop()

    def recover(self):
        """After a row that was not earned: nothing broken, no car, the link up, so that the rows behind it have their chance."""
        for connector in range(self.connectors + 1):
            for fault in ("GroundFailure", "OtherError"):
                self.charger.clear_fault(fault, connector)
        for connector in range(1, self.connectors + 1):
            self.charger.plug_out(connector)
        self.charger.network_up()
        self.csms.wait_connected(timeout_s=WAIT_S)
        self.charger.wait_ocpp_status("Available", timeout_s=WAIT_S)

    # --- what checks do ---

    def call(self, action, /, **payload):
        """A CALL; the status of the answer."""
        return self.csms.call(action, **payload).get("status")

    def accepted(self, action, /, **payload):
        """A CALL that has to be accepted."""
        status = self.call(action, **payload)
        need(status == "Accepted", f"{action} is answered {status}")

    def sent(self, action, since=0, where=None, count=1):
        """The payload of the charger's next CALL of this kind."""
        return self.csms.record.wait(action, since=since, where=where, count=count, timeout_s=WAIT_S).payload

    @property
    def mark(self):
        """The present position in the record."""
        return len(self.csms.record)

    def change(self, key, value):
        """ChangeConfiguration, accepted, and read back."""
        self.accepted("ChangeConfiguration", key=key, value=value)
        entry = self.csms.call("GetConfiguration", key=[key])["configurationKey"][0]
        need(entry.get("value") == value, f"{key} reads {entry.get('value')} after {value} was accepted")

    def free(self):
        """No car, no session, Available."""
        self.charger.plug_out()
        self.charger.wait_ocpp_status("Available", timeout_s=WAIT_S)

    def started(self, tag="GOOD0001"):
        """A session by card; the back end's transaction."""
        mark = self.mark
        self.charger.plug_in()
        self.charger.swipe(tag)
        return self.transaction(mark)

    def transaction(self, since):
        """The transaction that began since, when energy flows."""
        answer = self.csms.record.wait("StartTransaction", "out", 3, since=since, timeout_s=WAIT_S)
        self.charger.wait_ocpp_status("Charging", timeout_s=WAIT_S)
        return self.csms.ledger.transactions[answer.payload["transactionId"]]

    def offered(self, amps):
        """Wait until the pilot offers this."""
        self.charger.wait_connector(lambda c: c["offered_amps"] == amps, WAIT_S, f"{amps} A offered")


class UselessSetting(Exception):
    """A setting of the command line that the charger ignores; the message names it."""


def rows_of(kind):
    """(section, text, name) of a group's checks."""
    return [(*member.row, name) for name, member in vars(kind).items() if hasattr(member, "row")]


def _reason(error):
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def run_group(kind, word, seed, overrides):
    """The rows of one group, and what is wrong with the messages of its charger."""
    checks = rows_of(kind)
    found = []
    with tempfile.TemporaryDirectory(prefix="pilotlight-scorecard-") as folder, contextlib.ExitStack() as stack:
        group = kind(word, seed, folder, overrides)
        stack.callback(group.end)
        failure = _attempt(group.begin)
        ignored = [line for line in group.charger.log_lines() if line.startswith("simulate: --set")]
        if ignored:
            raise UselessSetting(ignored[0].removeprefix("simulate: "))
        for section, text, name in checks:
            why = failure or _attempt(getattr(group, name))
            if why and not failure:
                _attempt(group.recover)
            found.append(Row(section, text, why is None, why or ""))
        problems = group.csms.problems() if failure is None else [failure]
        return found, problems, group.csms.record


def _attempt(check):
    """None when the check returns, else the reason."""
    try:
        check()
    except (No, WaitTimeout, CallRefused, CommandRefused, SimulatorError, AssertionError) as error:
        return _reason(error)
    except (ConnectionClosed, OSError, TimeoutError, KeyError, IndexError, ValueError) as error:
        return f"{type(error).__name__}: {_reason(error)}"
    return None


def run(groups, word=64, seed=1, overrides=None, jobs=4):
    """All rows, in the order of SECTIONS; the protocol section ends with the two validators' verdicts."""
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda kind: run_group(kind, word, seed, overrides or {}), groups))
    rows = [entry for found, _, _ in outcomes for entry in found]
    rows.append(verdict("Every message valid by the ocpp package's schemas and the RPC rules",
                        [p for _, problems, _ in outcomes for p in problems]))
    with StrictBackend() as strict:
        rows.append(verdict("Every message valid by ocpp-rpc's strict validator",
                            [p for _, _, record in outcomes for p in strict.problems_of(record)]))
    return sorted(rows, key=lambda entry: SECTIONS.index(entry.section))


def verdict(text, problems):
    """A row on all messages."""
    return Row("protocol", text, not problems, _reason(problems[0]) if problems else "")
