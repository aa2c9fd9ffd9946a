"""The demo: a charger boots on the real MicroPython, takes a car, charges it under a back end's limit, and is billed.

Starts the local back end and the simulator, drives one session, prints a live timeline and a bill. Exit code 0 only if
the energy that the back end bills is the energy that the charger's meter counted; 1 with a sentence and the end of the
log if anything fails; 2 for a command line that makes no sense.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import threading
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from cli import in_range
from csms import CONTROL_PORT
from demo_timeline import Timeline
from panel.bench import Bench
from panel.server import Panel
from web_page.serve import pin_of
from web_page.texts import PageError

from backend import CallRefused, CommandRefused, Csms, Simulator, SimulatorError, WaitTimeout
from backend.ports import claim, free_port
from backend.remote import RemoteControl
from backend.waiting import wait_until

TAG = "04A2B3C4D5E680"
TARIFF = Decimal("0.32")  # a kWh, in CURRENCY
CURRENCY = "EUR"
FAST = 30  # the charger's time runs this much faster while the car charges
FULL_WH = 250  # charged before the back end lowers the limit
LIMITED_WH = 100  # and after
LIMIT_A = 10
WEB_PORT = 8443  # of the charger's page
USUAL_PORT = 8899  # where tools/ctl.py looks first


class DemoFailed(Exception):
    """A step did not lead to what it should; the message is a sentence."""


def arguments(words):
    """The command line."""
    parser = argparse.ArgumentParser(prog="demo", description="A charging session from boot to bill.")
    parser.add_argument("--stay", action="store_true", help="keep both running afterwards, to play with")
    parser.add_argument("--no-session", action="store_true", help="with --stay: without the session, at once")
    parser.add_argument("--panel", type=in_range(0, 65535), default=0, metavar="PORT",
                        help="with --stay: the panel's (default: a free one)")
    parser.add_argument("--no-panel", action="store_true", help="with --stay: no panel")
    parser.add_argument("--chargers", type=int, choices=range(1, 11), default=1, metavar="1..10",
                        help="with --stay: that are there afterwards")
    parser.add_argument("--plain", action="store_true", help="plain lines, also on a terminal")
    parser.add_argument("--word", type=int, choices=(32, 64), default=64, help="the interpreter's word size")
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated world's noise")
    options = parser.parse_args(words)
    if not options.stay and (options.no_session or options.panel or options.no_panel or options.chargers > 1):
        parser.error("--no-session, --panel, --no-panel and --chargers go with --stay")
    return options


class Demo:
    """The session's steps, in order."""

    def __init__(self, csms, charger, timeline):
        self.csms = csms
        self.charger = charger
        self.timeline = timeline
        self.meter_before_wh = 0

    def until(self, predicate, what, timeout_s=30):
        """Wait for the connector, showing its figures meanwhile."""
        def check(connector):
            self.timeline.follow(connector)
            return predicate(connector)

        return self.charger.wait_connector(check, timeout_s, what)

    def until_energy(self, wh):
        """Wait until the meter stands at wh."""
        return self.until(lambda c: c["energy_wh"] >= wh, f"{wh} Wh on the meter", timeout_s=60)

    def run(self):
        """All steps; returns the transaction as the back end has it."""
        self.boot()
        self.plug_in()
        transaction = self.authorise()
        self.charge(FULL_WH, "at the charger's own limit")
        self.limit(transaction)
        self.charge(LIMITED_WH, "at the back end's limit")
        self.unplug(transaction)
        return transaction

    def boot(self):
        """Start the charger and wait until the back end has accepted it."""
        self.timeline.step("Boot")
        self.charger.start()
        self.csms.wait_booted(timeout_s=20)
        boot = self.csms.record.calls("BootNotification")[0].payload
        self.meter_before_wh = self.until(lambda c: c["ocpp_status"] == "Available", "Available")["energy_wh"]
        self.timeline.done(f"{boot['chargePointVendor']} {boot['chargePointModel']} accepted by the back end")

    def plug_in(self):
        """A car comes and asks for energy."""
        self.timeline.step("Plug-in")
        self.charger.plug_in()
        self.until(lambda c: c["ocpp_status"] == "Preparing", "Preparing after the plug-in")
        self.timeline.done("a car is there and asks for energy")

    def authorise(self):
        """Swipe a card that the back end knows; the transaction starts."""
        self.timeline.step("Authorise")
        self.charger.swipe(TAG, connector=1)
        self.until(lambda c: c["ocpp_status"] == "Charging" and c["transaction_id"] is not None, "Charging")
        if not self.csms.ledger.transactions:
            raise DemoFailed("the charger shows a transaction of which the back end knows nothing")
        transaction = next(iter(self.csms.ledger.transactions.values()))
        self.timeline.done(f"card accepted, transaction {transaction.id} runs")
        return transaction

    def charge(self, wh, words):
        """Charge some more energy, in fast motion."""
        self.timeline.step("Charge")
        self.charger.set_time_scale(FAST)
        begin_wh = self.charger.connector()["energy_wh"]
        end = self.until_energy(begin_wh + wh)
        self.timeline.done(f"{end['energy_wh'] - begin_wh} Wh {words}, up to {FAST} x")

    def limit(self, transaction):
        """The back end sends a charging profile, and the current follows."""
        self.timeline.step("Limit")
        before = self.charger.connector()["drawn_amps"]
        profile = {
            "chargingProfileId": 1, "transactionId": transaction.id, "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": LIMIT_A}],
            },
        }
        status = self.csms.call("SetChargingProfile", connectorId=1, csChargingProfiles=profile)["status"]
        if status != "Accepted":
            raise DemoFailed(f"the charger answered {status} to the charging profile")
        after = self.until(lambda c: 0 < c["drawn_amps"] <= LIMIT_A + 0.5 and c["offered_amps"] <= LIMIT_A,
                           f"a current of at most {LIMIT_A} A")["drawn_amps"]
        if after >= before:
            raise DemoFailed(f"the car drew {before:g} A before the limit and {after:g} A after it")
        self.timeline.done(f"SetChargingProfile {LIMIT_A} A: from {before:.1f} A to {after:.1f} A")

    def unplug(self, transaction):
        """The car leaves; the transaction ends and its last message arrives."""
        self.timeline.step("Unplug")
        self.charger.set_time_scale(1)
        self.charger.plug_out()
        self.csms.record.wait("StopTransaction", timeout_s=20)
        wait_until(lambda: transaction.reason is not None, 10, "the back end's entry of the end of the transaction")
        self.until(lambda c: c["ocpp_status"] == "Available", "Available after the car left")
        self.timeline.done(f"transaction {transaction.id} ended: {transaction.reason}")

    def bill(self, transaction):
        """Print the bill; True when the figures agree."""
        counted_wh = self.charger.connector()["energy_wh"] - self.meter_before_wh
        billed_wh, seconds = transaction.energy_wh, transaction.duration_s
        price = (TARIFF * billed_wh / 1000).quantize(Decimal("0.01"), ROUND_HALF_UP)
        sent = len(self.csms.record.calls())
        rows = [
            ("Energy", f"{billed_wh / 1000:.3f} kWh"),
            ("Duration", f"{int(seconds // 60)} min {int(seconds % 60)} s (charger's time)"),
            ("Mean power", f"{billed_wh * 3.6 / seconds:.2f} kW" if seconds > 0 else "-"),
            ("Price", f"{price} {CURRENCY} at {TARIFF} {CURRENCY}/kWh"),
            ("Messages exchanged", f"{len(self.csms.record)} ({sent} requests of the charger)"),
            ("Billed / on the meter", f"{billed_wh} Wh / {counted_wh} Wh"),
        ]
        problems = self.csms.problems()
        agree = billed_wh == counted_wh and billed_wh > 0
        if not agree:
            verdict = f"The back end bills {billed_wh} Wh, the meter counted {counted_wh} Wh: they do not agree."
        elif problems:
            verdict = f"The charger broke OCPP's rules: {problems[0]}"
        else:
            verdict = "The back end's figures and the meter's agree, and every message kept to OCPP's schemas."
        self.timeline.bill(rows, verdict, agree and not problems)
        return agree and not problems


def trace_of(charger):
    """The file of a charger's OCPP messages, which the panel shows."""
    return charger.state_dir.with_suffix(".trace")


def more_chargers(stack, first, count):
    """The first charger and so many further ones, started, each with a number in its identity; the stack ends them."""
    chargers = [first]
    for number in range(2, count + 1):
        more = Simulator(first.state_dir.with_name(f"state{number}"), first.csms_url, f"PL-{number:04}", word=first.word)
        more.options += ["--trace", str(trace_of(more))]
        stack.callback(more.close)
        chargers.append(more.start())
    return chargers


def open_panel(stack, options, csms, chargers):
    """Serve the panel; returns the line that says where, or why there is none."""
    if options.no_panel:
        return ""
    bench = Bench(csms, [(one.identity, one.port, trace_of(one)) for one in chargers])
    stack.callback(bench.close)
    try:
        panel = stack.enter_context(contextlib.closing(Panel(bench, options.panel)))
    except PageError as error:
        return f"No panel: {error}.\n"
    except (OSError, OverflowError) as error:
        return f"No panel: port {options.panel} cannot be used ({getattr(error, 'strerror', None) or error}).\n"
    return f"The panel, which shows and drives all of this in a browser: {panel.url}\n"


def stay(options, csms, charger):
    """Keep both running until Ctrl-C."""
    with contextlib.ExitStack() as stack:
        chargers = more_chargers(stack, charger, options.chargers)
        keep_running(csms, charger, open_panel(stack, options, csms, chargers))


def keep_running(csms, charger, panel):
    """Say how to drive them, `panel` among it, and wait; the end of the first charger is a failure."""
    where = "" if charger.port == USUAL_PORT else f" --control 127.0.0.1:{charger.port}"
    commands = "".join(f"  python3 tools/ctl.py{where} {words}\n"
                       for words in ("plug_in", f"swipe {TAG}", "status", "ev max_amps=8", "plug_out", "help"))
    remote = RemoteControl(csms, CONTROL_PORT if claim(CONTROL_PORT) else 0)
    back_end = "" if remote.port == CONTROL_PORT else f" --control 127.0.0.1:{remote.port}"
    commands += f"  python3 tools/csms.py{back_end} call {charger.identity} GetConfiguration\n"
    web = charger.wait_for(lambda status: status["web"]["port"], what="the page's port")
    print(
        f"\nThe charger goes on. Back end: {csms.url}/{charger.identity}. Control port: 127.0.0.1:{charger.port}.\n"
        f"Its page: https://127.0.0.1:{web}/ (the browser warns of its own certificate), the owner's PIN is {pin_of(charger)}.\n"
        f"{panel}"
        f"Drive it from another terminal:\n{commands}Ctrl-C ends it.",
        flush=True,
    )
    idle = threading.Event()
    with remote:
        while charger.running:
            idle.wait(0.5)
    raise DemoFailed("the charger ended by itself")


def session(options, csms, charger):
    """Run the demo; returns the exit code."""
    title = f"Pilotlight demo: MicroPython ({options.word} bit) and an OCPP 1.6J back end"
    timeline = Timeline(title, lambda: len(csms.record), options.plain)
    demo = Demo(csms, charger, timeline)
    try:
        good = True
        if options.no_session:
            charger.start()
        else:
            with timeline:
                transaction = demo.run()
            good = demo.bill(transaction)
        if options.stay:
            stay(options, csms, charger)
        return 0 if good else 1
    except (DemoFailed, SimulatorError, WaitTimeout, CallRefused, CommandRefused, OSError, TimeoutError) as error:
        sentence = (str(error) or type(error).__name__).splitlines()[0]
        print(f"\nThe demo failed: {sentence}.\nEnd of the charger's log:\n{charger.log_tail(25)}", file=sys.stderr)
        return 1


def main(words=None):
    """Entry point; returns the exit code."""
    options = arguments(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside is as clean as Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job would ignore
    with tempfile.TemporaryDirectory(prefix="pilotlight-demo-") as folder:
        csms = Csms(tags={TAG: "Accepted"}, heartbeat_s=3600)
        charger = Simulator(Path(folder) / "state", word=options.word, seed=options.seed)
        if options.stay:
            charger.options += ["--web", f"127.0.0.1:{WEB_PORT if claim(WEB_PORT) else free_port()}"]
            charger.options += ["--trace", str(trace_of(charger))]
            if claim(USUAL_PORT):
                charger.port = USUAL_PORT
        try:
            csms.start()
            charger.csms_url = csms.url
            return session(options, csms, charger)
        except KeyboardInterrupt:
            print("\nStopped.")
            return 0 if options.stay else 130
        finally:
            if charger.running:
                charger.stop()
            charger.close()
            csms.stop()


if __name__ == "__main__":
    sys.exit(main())
