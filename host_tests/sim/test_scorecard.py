"""The compliance sheet: what it says about this charger, and that it says No to one that misbehaves."""

import json

import pytest
import scorecard
from scoresheet import access, charging, sheet

# Rows that nothing has been built for yet, with the reason that the sheet gives.
NOT_BUILT = {}


@pytest.mark.parametrize("word", [64, 32], ids=["64bit", "32bit"])
def test_every_row_is_earned(word, tmp_path, capsys):
    """Yes everywhere, but for what is listed above."""
    file = tmp_path / "sheet.json"
    assert scorecard.main(["--word", str(word), "--json", str(file)]) == 0
    rows = json.loads(file.read_text())
    refused = {entry["text"]: entry["reason"] for entry in rows if not entry["yes"]}
    assert refused.keys() == NOT_BUILT.keys(), refused
    for text, reason in NOT_BUILT.items():
        assert reason in refused[text]
    assert {entry["section"] for entry in rows} == set(sheet.SECTIONS)
    assert f"{len(rows) - len(NOT_BUILT)} of {len(rows)} rows: Yes" in capsys.readouterr().out


def test_missing_profiles_are_no(capsys):
    """Without SmartCharging and Reservation their rows turn to No, with what was answered, and the others stay Yes."""
    profiles = "Core,FirmwareManagement,LocalAuthListManagement,RemoteTrigger"
    rows = {entry.text: entry for entry in sheet.run(
        [access.Protocol, charging.Profiles], overrides={"SupportedFeatureProfiles": profiles})}
    limited = [rows[text] for section, text, _ in sheet.rows_of(charging.Profiles) if section == charging.TRANSACTIONS]
    assert len(limited) > 5 and not any(entry.yes for entry in limited)
    assert "NotSupported" in limited[0].reason
    assert not rows["Reservation: reserved, refused to others, cancelled"].yes
    assert rows["StatusNotification of connector 0 and connector 1"].yes


def test_charger_that_is_gone_earns_nothing(monkeypatch):
    """Every row of its group is No, with a reason."""
    monkeypatch.setattr(sheet, "WAIT_S", 0.2)
    rows = [entry for entry in sheet.run([Gone]) if not entry.text.startswith("Every message")]
    assert len(rows) == 1 and not rows[0].yes and rows[0].reason


class Gone(sheet.Group):
    """A charger that has been switched off."""

    def begin(self):
        super().begin()
        self.charger.stop()

    @sheet.row("protocol", "It answers")
    def answers(self):
        """The actions that a charger without power cannot do."""
        self.accepted("ClearCache")


class Liar(sheet.Group):
    """One frame in the record breaks the schema."""

    @sheet.row("protocol", "It runs")
    def runs(self):
        """Slip a frame in."""
        self.csms.record.add("in", "x", 1, '[2,"bad","StatusNotification",{"connectorId":"one"}]')


def test_broken_message_turns_both_verdicts():
    """The two validators' rows are about what was really said."""
    verdicts = [entry for entry in sheet.run([Liar]) if entry.text.startswith("Every message")]
    assert len(verdicts) == 2 and not any(entry.yes for entry in verdicts)


@pytest.mark.parametrize("words", [["--bogus"], ["--word", "16"], ["--section", "none"]], ids=" ".join)
def test_wrong_arguments(words):
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        scorecard.main(words)
    assert ended.value.code == 2
