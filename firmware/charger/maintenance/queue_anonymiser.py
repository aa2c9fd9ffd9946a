"""Removes idTags from queued transaction messages; energy and times stay (SEC-15).

OCPP requires that every transaction is sent to the back end, also days later (OCPP-35), and the erasure must remove all
idTags. So the messages stay, in order and with their energy, and a placeholder replaces the idTag. Messages that the
back end has already are deleted.
"""

import json

from charger import log
from charger.metering.charging_session import from_record
from charger.store.ab_record import ABRecord
from charger.store.journal_rewrite import rewrite

ERASED_TAG = "ERASED"  # an idTag


def run(files: Files) -> None:
    """Run at start-up, before queue and sessions are opened. It may be interrupted and repeated. OSError."""
    try:
        state = json.loads(ABRecord(files, "ocpp_sent").read() or b"{}")
        starts = int(state.get("s", 0)), int(state.get("m", 0))
    except (ValueError, TypeError, AttributeError, OverflowError):
        starts = 0, 0  # of another firmware: all messages stay
    count = rewrite(files, "ocpp_tx", starts[0], _without_tag)
    count += rewrite(files, "ocpp_mv", starts[1], _as_it_is)
    if count:
        log.info("erase", "%d messages for the back end kept, without idTags" % count)
    for name in files.names():
        if name.startswith("open") and name[4:].isdigit():
            _forget_open(files, name)


def _forget_open(files: Files, name: str) -> None:
    """Remove the idTags of a session that was open when the power failed."""
    record = files.read(name)
    session = from_record(record) if record is not None else None
    if session is None:
        files.delete(name)
        return
    session.id_tag, session.parent_id_tag, session.anonymous = ERASED_TAG, None, True
    files.write(name, session.to_record(True))


def _as_it_is(data: bytes) -> bytes:
    return data


def _without_tag(data: bytes) -> bytes:
    """Remove the idTag of a queue record (see transaction_queue.py): letter, session, boot id, payload as JSON."""
    words = data.split(b" ", 3)
    try:
        payload = json.loads(words[3])
        if words[0] == b"S":
            payload["idTag"] = ERASED_TAG
        else:
            payload.pop("idTag", None)
        text = json.dumps(payload)
    except (ValueError, IndexError, AttributeError, TypeError):
        text = "?"  # of another firmware; the queue skips it
    return b" ".join(words[:3]) + b" " + text.encode()
