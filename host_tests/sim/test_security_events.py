"""Security events on the wire: what happened is told to the back end, in order, each once, whatever happens meanwhile.

WP-42 to 45, SEC-22, SEC-23.
"""

from backend import Error


def told(csms, since=0):
    """The types of the SecurityEventNotifications that were acknowledged, in order."""
    return [m.payload["type"] for m in csms.record.calls("SecurityEventNotification", since)]


def wait_told(csms, event, since=0, **options):
    """Wait for an event; returns the message."""
    return csms.record.wait("SecurityEventNotification", since=since, where=lambda p: p["type"] == event, **options)


def entries(sim):
    """The tail of the log as (event, info)."""
    return [(e["event"], e["info"]) for e in sim.command("security_log", count=50)["entries"]]


def test_start_is_told_after_the_boot_notification_with_the_right_time(charger, csms):
    """WP-45: nothing precedes BootNotification; the entry of before the time was known carries the time it had."""
    started = wait_told(csms, "StartupOfTheDevice")
    assert started.payload["techInfo"].startswith("power on, firmware ")
    set_ = wait_told(csms, "SettingSystemTime")
    assert set_.payload["techInfo"] == "ocpp, was unknown"
    assert started.payload["timestamp"] <= set_.payload["timestamp"]
    assert csms.record.calls()[0].action == "BootNotification"
    log = charger.command("security_log")
    assert log["broken"] is None
    assert [e["event"] for e in log["entries"][:2]] == ["StartupOfTheDevice", "SettingSystemTime"]
    assert log["entries"][0]["time"] == started.payload["timestamp"]
