"""An uploader that keeps what it is sent."""

from charger import clock


class UploadAttempts:
    """Takes what is sent; each attempt ends as `outcomes` say (None: well), after `ms`."""

    def __init__(self, *outcomes, ms=5):
        self.outcomes = list(outcomes)
        self.ms = ms
        self.sent = []
        self.begun = []

    async def send(self, location, name, pieces):
        self.begun.append((location, clock.uptime_s()))
        await clock.sleep_ms(self.ms)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.sent.append((location, name, str(b"".join(pieces()), "utf-8")))
