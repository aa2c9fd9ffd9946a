"""The reason why a running session has no energy: as a cause for its record, and in words for the back end."""

from charger.outlet import connector_status as st
from charger.outlet import pilot_duty


def cause(connector: Connector) -> str | None:
    """One of session.CAUSES: the guard, the car, or what holds the charger; None while energy flows or is to begin."""
    view = connector.view
    if view.blocked and view.fault is not None:
        return type(view.fault).__name__
    if connector.status == st.SUSPENDED_EV:
        return "car"
    return _holding(connector) if connector.status == st.SUSPENDED_EVSE else None


def info(connector: Connector, status: str) -> str:
    """The info of a status without a fault, at most 50 characters (SCH-1).

    It contains no changing numbers, because each new text is a new message.
    """
    if status == st.FINISHING and connector.ev_left:
        return "EV side disconnected"
    if status != st.SUSPENDED_EVSE:
        return ""
    if connector.suspended:
        return connector.suspended[:50]
    outlet = connector.outlet
    return ("Paused by " + outlet.limits.describe_source(outlet.limit_source()))[:50] if _by_limit(outlet) else ""


def _by_limit(outlet: Outlet) -> bool:
    return outlet.target_da() < pilot_duty.MINIMUM_DA


def _holding(connector: Connector) -> str:
    outlet = connector.outlet
    if connector.suspended:
        return "backend"
    if not outlet.available:
        return "service"
    if outlet.phases != outlet.phases_wanted:
        return "phases"
    if _by_limit(outlet):
        return outlet.limit_source()
    if outlet.lock is not None and not outlet.lock.locked():
        return "lock"
    return "other"
