"""Whose sessions the messages that still wait are about is forgotten; what was charged, and when, is not (SEC-15).

OCPP wants every transaction told to the back end, also days later (OCPP-35), and the owner wants nobody's card to be
remembered. So the messages stay, in their order and with their energy, and a card that never existed takes the place of
the one that was shown. What the back end has already is forgotten as a whole.
"""

import json

from charger import log
from charger.metering.charging_session import from_record
from charger.store.ab_record import ABRecord
from charger.store.journal_rewrite import rewrite

NOBODY = "ERASED"  # an idTag


def run(files):
    """At a start, before the queue and the sessions are opened. May be cut short and done again. OSError."""
    try:
        state = json.loads(ABRecord(files, "ocpp_sent").read() or b"{}")
    except ValueError:
        state = {}
    count = rewrite(files, "ocpp_tx", state.get("s", 0), _without_tag)
    count += rewrite(files, "ocpp_mv", state.get("m", 0), _as_it_is)
    if count:
        log.info("erase", "%d messages for the back end stay, without their cards" % count)
    for name in files.names():
        if name.startswith("open") and name[4:].isdigit():
            _forget_open(files, name)


def _forget_open(files, name: str):
    """A session that the power cut short while the restart was under way."""
    record = files.read(name)
    session = from_record(record) if record is not None else None
    if session is None:
        files.delete(name)
        return
    session.id_tag, session.parent_id_tag, session.anonymous = NOBODY, None, True
    files.write(name, session.to_record(True))


def _as_it_is(data: bytes) -> bytes:
    return data


def _without_tag(data: bytes) -> bytes:
    """A record of the queue (see transaction_queue.py): letter, session, start-up, then the payload as JSON."""
    words = data.split(b" ", 3)
    try:
        payload = json.loads(words[3])
        if words[0] == b"S":
            payload["idTag"] = NOBODY
        else:
            payload.pop("idTag", None)
        text = json.dumps(payload)
    except (ValueError, IndexError, AttributeError, TypeError):
        text = "?"  # of another firmware: nobody knows what is in it, and the queue skips it
    return b" ".join(words[:3]) + b" " + text.encode()
