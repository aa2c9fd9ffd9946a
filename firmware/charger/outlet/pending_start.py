"""An authorisation that waits for its use of a connector."""

from charger import clock


class Pending:
    """An authorisation that waits for the plug (OCPP-59), or for the end of the session before it.

    `profile` is the charging profile that came with it: it belongs to this start and is gone with it (OCPP-66).
    """

    def __init__(self, id_tag: str | None, parent_id_tag: str | None, reservation_id: int | None, remote: bool,
                 profile: Any | None = None):
        self.id_tag = id_tag
        self.parent_id_tag = parent_id_tag
        self.reservation_id = reservation_id
        self.remote = remote
        self.profile = profile
        self.since_ms = clock.ticks_ms()
