"""Units with credentials of their own: made once, shared by no two, on no flash, in no log (SEC-2, 3, 10, 11)."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from provisioning import label as drawing
from provisioning import record, state

from backend.simulator import ROOT, ControlPort, Simulator, cpu_seconds
from backend.waiting import wait_until
from sim.provisioned_units import (
    OPERATOR_PASSWORD,
    SECRETS,
    basic_auth,
    labels,
    make_unit,
    printed_labels,
    private_scalar,
    provision,
    readable_secrets,
)

from .label_picture import read_qr
from .sessions import end_session, start_session

IMAGE, BROKEN = "image", "broken"  # in the non-volatile storage


def test_an_empty_state_directory_becomes_a_unit_of_its_own_once(launch, csms, word):
    """The label is one line of JSON, at the first launch alone; nothing else of it is ever printed."""
    sim = launch(word=word)
    csms.wait_booted()
    [label] = labels(sim)
    assert set(label) == {"serial", "pin", "installer_pin", "setup_ssid", "setup_password", "ocpp_password", "qr"}
    assert re.fullmatch(r"\d{8,}", label["pin"]) and re.fullmatch(r"\d{8,}", label["installer_pin"])
    assert sim.status()["setup"] == "" and state.is_provisioned(sim.state_dir)
    for again in (sim.reboot, sim.restart):
        mark = len(csms.record)
        again()
        csms.wait_booted(since=mark)
    assert len(labels(sim)) == 1
    others = "\n".join(line for line in sim.log_lines() if not line.startswith('{"label": '))
    outputs = json.dumps([sim.status(), sim.config(), sim.command("security_log", count=100), csms.call("GetConfiguration")])
    assert not [name for name in SECRETS if label[name] in others + outputs + csms.record.text(1000)]


def test_the_identity_is_the_serial_number_by_default(tmp_path, csms):
    """--set, else what it was provisioned as, else of the seed; it stays what it was at the first launch."""
    paths = []
    make_unit(tmp_path / "made", "PL-4711")
    for name, words in (("made", []), ("set", ["--set", "ChargeBoxSerialNumber=SN-77"]), ("seed", ["--seed", "12"]),
                        ("seed", ["--seed", "13"])):
        sim = Simulator(tmp_path / name, csms.url)
        command = [w for w in sim.command_line() if w not in ("--identity", sim.identity, "--seed", str(sim.seed))]
        sim.command_line = lambda line=command, more=words: line + more
        with sim:
            csms.wait_connected(len(paths) + 1)
            paths.append(csms.attempts[-1].path.rpartition("/")[2])
    assert paths == ["PL-4711", "SN-77", "SIM00012", "SIM00012"]


def test_the_control_port_is_up_within_two_seconds(tmp_path):
    """The contract holds for a unit that is made at that launch; of its own processor time, whatever else the machine does."""
    sim = Simulator(tmp_path / "state")
    sim.process = subprocess.Popen(sim.command_line(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        def answers():
            try:
                port = ControlPort(sim.port)
                port.close()
                return True
            except OSError:
                return False

        wait_until(answers, 10, "the control port")
        assert cpu_seconds([sim.process.pid, *sim.child_pids()]) < 2
    finally:
        sim.process.kill()
        sim.process.wait()


def test_two_units_share_no_secret():
    """Nor is one of a unit's secrets made from another, or from its serial number; the rules for PINs hold."""
    seen, serial = set(), "PL00012345"
    for _ in range(20):
        made, label = record.make(serial, 1000)
        values = [label[name] for name in SECRETS] + [made["device_key"], private_scalar(made).hex(), made["web_certificate"]]
        values += [verifier[part] for verifier in made["pins"].values() for part in ("salt", "hash")]
        assert len(set(values)) == len(values) and not seen & set(values)
        seen |= set(values)
        assert not [value for value in values[:4] if serial in value or "12345" in value]
        assert not [pin for pin in values[:2] if pin in json.dumps(made)]  # the unit is given no PIN
    assert all(len({v[at] for v in seen if len(v) == 10}) > 3 for at in range(10))  # no digit of the PINs is fixed


def test_nothing_of_a_unit_can_be_read_in_its_state_directory(tmp_path, launch, csms):
    """SEC-10: a byte search of the whole directory, deleted blocks included, for every secret, after a life: other
    passwords given and taken, an erased vault entry, restarts. The device key alone is readable, apart from the flash."""
    folder = tmp_path / "charger"
    made, label = make_unit(folder)
    sim = launch(options=["--security-profile", "1"])
    csms.wait_booted()
    assert csms.attempts[0].authorization == basic_auth(sim, label["ocpp_password"])  # nobody gave another one
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=OPERATOR_PASSWORD)["status"] == "Accepted"
    csms.wait_connected(2)
    assert csms.attempts[-1].authorization == basic_auth(sim, OPERATOR_PASSWORD)
    start_session(sim, csms)
    end_session(sim, csms)
    mark = len(csms.record)
    sim.reboot()
    csms.wait_booted(since=mark)
    assert csms.attempts[-1].authorization == basic_auth(sim, OPERATOR_PASSWORD)
    sim.stop()
    secrets = [label[name] for name in SECRETS] + [OPERATOR_PASSWORD, private_scalar(made), bytes.fromhex(made["web_key"])]
    secrets += [bytes.fromhex(v[part]) for v in made["pins"].values() for part in ("salt", "hash")]
    assert readable_secrets(folder, secrets) == []
    key = bytes.fromhex(made["device_key"])
    assert readable_secrets(folder, [key], but=["nvs.json"]) == [] and readable_secrets(folder, [key]) == [("nvs.json", key)]


def test_a_password_of_the_command_line_goes_before_the_labels_and_is_not_kept(launch, csms):
    sim = launch(options=["--security-profile", "1", "--basic-auth-password", OPERATOR_PASSWORD])
    csms.wait_booted()
    assert csms.attempts[-1].authorization == basic_auth(sim, OPERATOR_PASSWORD)
    sim.stop()
    assert readable_secrets(sim.state_dir, [OPERATOR_PASSWORD]) == []


def test_the_labels_password_alone_opens_no_higher_profile(charger, csms):
    """WP-3: the back end was not told of it, so a profile that needs a password needs one from the back end first."""
    assert csms.call("ChangeConfiguration", key="SecurityProfile", value="1")["status"] == "Rejected"


@pytest.mark.parametrize("word", [64, 32])
def test_the_tool_makes_a_unit_once(tmp_path, word):
    folder, out = tmp_path / "state", tmp_path / "labels"
    done = provision("--state-dir", folder, "--serial", "PL-0815", "--labels", out, "--word", word)
    assert done.returncode == 0, done.stderr
    label = json.loads(done.stdout)["label"]
    assert label["serial"] == "PL-0815" == state.serial(folder)
    assert (out / "PL-0815.png").read_bytes().startswith(b"\x89PNG") and (out / "PL-0815.pdf").read_bytes().startswith(b"%PDF")
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = provision("--state-dir", folder)
    assert again.returncode == 1 and "--again" in again.stderr and again.stdout == ""
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    kept = json.loads((folder / "nvs.json").read_text())
    kept["pilotlight"] |= {IMAGE: "00" * 36, BROKEN: 1}  # of the image that ran so far: the factory may write another one
    (folder / "nvs.json").write_text(json.dumps(kept))
    new = provision("--state-dir", folder, "--serial", "PL-0815", "--again")
    assert new.returncode == 0
    assert not {IMAGE, BROKEN} & set(state.nvs(folder))
    other = json.loads(new.stdout)["label"]
    assert not {label[name] for name in SECRETS} & {other[name] for name in SECRETS}
    assert state.nvs(folder)["device_key"] not in before["nvs.json"].decode()


def test_the_tool_keeps_off_a_running_unit(charger):
    done = provision("--state-dir", charger.state_dir, "--again")
    assert done.returncode == 1 and "uses" in done.stderr


def test_the_tools_figures_are_checked(tmp_path):
    for words in (["--state-dir", tmp_path, "--serial", ""], ["--state-dir", tmp_path, "--serial", "x" * 26], [],
                  ["--state-dir", tmp_path, "--serial", "S\u00e9rie 1"],
                  ["--state-dir", tmp_path, "--port", "/dev/null"], ["--state-dir", tmp_path, "--board", "ABACUS"]):
        assert provision(*words).returncode == 2, words
    done = provision("--state-dir", tmp_path / "s", "--measure")
    figure = int(re.search(r"half a second is (\d+) iterations", done.stderr)[1])
    assert done.returncode == 0 and record.LEAST_ITERATIONS < figure < record.MOST_ITERATIONS
    assert not (tmp_path / "s" / "nvs.json").exists()


def test_a_unit_whose_label_could_not_be_written_is_not_made(tmp_path):
    """Somebody would have a unit whose PIN nobody knows."""
    (tmp_path / "labels").write_text("a file, not a folder")
    done = provision("--state-dir", tmp_path / "state", "--labels", tmp_path / "labels")
    assert done.returncode == 1 and done.stderr.startswith("provision: ") and done.stdout == ""
    assert not state.is_provisioned(tmp_path / "state")


def test_a_label_is_for_its_owner_alone_also_where_there_was_one(tmp_path):
    (tmp_path / "PL-1.png").write_text("x" * 1_000_000)
    os.chmod(tmp_path / "PL-1.png", 0o644)
    paths = drawing.write(record.make("PL-1", 1000)[1], tmp_path)
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600] * 2 and paths[0].stat().st_size < 1_000_000


def test_long_serial_numbers_have_networks_of_their_own():
    """A network's name has 32 bytes: what is left out of the serial number is its beginning."""
    names = {record.make("MAKER-AND-MODEL-NUMBER-0" + end, 1000)[1]["setup_ssid"] for end in "12"}
    assert len(names) == 2 and all(len(name.encode()) <= 32 for name in names)


def test_the_label_holds_what_the_owner_needs_and_no_more():
    """The picture changes with each thing on it; the installer's PIN and the back end's password are not on it."""
    label = record.make("PL-1", 1000)[1]
    plain = drawing.draw(label).tobytes()
    for name, value in label.items():
        changed = drawing.draw({**label, name: value[:-1] + "7"}).tobytes()
        changed_other = drawing.draw({**label, name: value[:-1] + "8"}).tobytes()
        assert (changed != changed_other) == (name not in ("installer_pin", "ocpp_password")), name
    assert plain == drawing.draw(label).tobytes()


@pytest.mark.parametrize("serial", ["PL-1", "PL2400017", 'A;B:"C\\', "MAKER-AND-MODEL-NUMBER-01"])
def test_the_qr_code_of_the_label_joins_the_set_up_network(serial):
    """The text that a phone's camera reads in the picture: the network's name and password, each special character escaped."""
    label = record.make(serial, 1000)[1]
    told = re.fullmatch(r"WIFI:T:WPA;S:((?:[^\\;,:\"]|\\.)+);P:((?:[^\\;,:\"]|\\.)+);;", read_qr(drawing.draw(label)))
    assert told is not None
    assert [re.sub(r"\\(.)", r"\1", text) for text in told.groups()] == [label["setup_ssid"], label["setup_password"]]


# tools/simulate.py, whose log stands still at the label
HELD_UP = """
import sys, time
sys.path.insert(0, "tools")
import simulate
def held(log, line, write=simulate.Log.__call__):
    if line.startswith(b'{{"label"'):
        print("held", flush=True)
        time.sleep(60)
    write(log, line)
simulate.Log.__call__ = held
sys.exit(simulate.main({words!r}))
"""


def test_a_launch_killed_while_the_unit_is_made_leaves_one_that_is_made_at_the_next(tmp_path, csms):
    """Whenever the power fails: the last label that was printed is the one that holds."""
    for number, delay in enumerate((0.08, 0.12, 0.16, 0.2, 0.25, 0.3)):
        sim = Simulator(tmp_path / str(number), csms.url, options=["--security-profile", "1"])
        sim.state_dir.mkdir()
        process = subprocess.Popen(sim.command_line(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        text = process.communicate()[0].decode()
        first = [json.loads(line)["label"] for line in text.splitlines() if line.startswith('{"label"') and line[-1] == "}"]
        mark = len(csms.attempts)
        with sim:
            wait_until(lambda mark=mark: len(csms.attempts) > mark, 20, "an attempt to connect")
            last = (first + (printed_labels(sim) if first else labels(sim)))[-1]
            assert csms.attempts[-1].authorization == basic_auth(sim, last["ocpp_password"]), delay
            assert sim.status()["setup"] == ""


def test_a_unit_whose_label_cannot_be_printed_is_not_provisioned(tmp_path, csms):
    """The process that prints it is held up as the unit is made, and then killed: the next launch makes the unit anew."""
    sim = Simulator(tmp_path / "unit", csms.url, options=["--security-profile", "1"])
    sim.state_dir.mkdir()
    script = HELD_UP.format(words=sim.command_line()[2:])
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.stdout.readline() == b"held\n"
    time.sleep(1)  # the interpreter would go on within milliseconds
    process.kill()
    assert process.communicate()[0] == b""
    with sim:
        csms.wait_connected(1)
        assert len(labels(sim)) == 1
        assert csms.attempts[-1].authorization == basic_auth(sim, labels(sim)[0]["ocpp_password"])


def altered(launch, csms, harm):
    """A unit, stopped, harmed in its state directory, started again."""
    sim = launch()
    csms.wait_booted()
    sim.stop()
    harm(sim.state_dir)
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    return sim


def refuses_configuration(sim, csms):
    """Nothing can be configured; energy is another matter."""
    assert csms.call("ChangeConfiguration", key="HeartbeatInterval", value="77")["status"] == "Rejected"
    assert csms.call("ChangeConfiguration", key="AuthorizationKey", value=OPERATOR_PASSWORD)["status"] == "Rejected"
    sim.wait_ocpp_status("Available")
    start_session(sim, csms)
    end_session(sim, csms)


def test_a_flash_that_is_not_its_own_is_rejected(launch, csms):
    """Somebody put another flash in: no default, no new credentials by itself, an entry in the log, and --again mends it."""
    sim = altered(launch, csms, lambda folder: (folder / "flash.bin").unlink())
    assert sim.status()["setup"].startswith("credentials were altered")
    assert len(labels(sim)) == 1
    events = [entry["event"] for entry in sim.command("security_log", count=50)["entries"]]
    assert {"VaultBroken", "SafetyValueDamaged"} <= set(events)
    sim.wait_ocpp_status("Faulted")  # the flash that knew whether the enclosure was opened is gone (F-S3)
    assert sim.command("acknowledge") == {"clear": True}
    refuses_configuration(sim, csms)
    sim.stop()
    assert provision("--state-dir", sim.state_dir, "--again").returncode == 0
    mark = len(csms.record)
    sim.start()
    csms.wait_booted(since=mark)
    assert sim.status()["setup"] == ""
    assert csms.call("ChangeConfiguration", key="HeartbeatInterval", value="77")["status"] == "Accepted"


def test_a_unit_that_cannot_be_provisioned_refuses_configuration(launch, csms):
    """The device key is another one, and nothing says that it was provisioned: nobody makes a default of that."""
    def harm(folder):
        (folder / "nvs.json").write_text(json.dumps({"pilotlight": {"device_key": "55" * 32}}))

    sim = altered(launch, csms, harm)
    assert sim.status()["setup"].startswith("not provisioned")
    refuses_configuration(sim, csms)


def test_another_units_vault_is_rejected(launch, csms, tmp_path):
    """The whole flash of another unit, healthy in itself, under this unit's device key."""
    make_unit(tmp_path / "other")
    sim = altered(launch, csms, lambda folder: shutil.copy(tmp_path / "other" / "flash.bin", folder / "flash.bin"))
    assert sim.status()["setup"].startswith("credentials were altered")


def test_a_python_without_the_tools_environment_can_launch():
    """The standard library is enough for the simulator: the certificate is made by the environment of make setup."""
    code = ("import sys; sys.path.insert(0, 'tools'); from provisioning import record;"
            "print(len(record.make('PL-1', 1000)[0]['web_certificate']))")
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert int(done.stdout) > 500
