"""What attacks on the local page need: an address for it, and what the unit told on its label. The client: backend.page."""

import json

from backend.simulator import free_port


def label_of(sim):
    """What was printed when the unit was made."""
    return next(json.loads(line)["label"] for line in sim.log_lines() if line.startswith('{"label": '))


def web_words():
    """(options of a charger with a page, its port)."""
    port = free_port()
    return ["--web", f"127.0.0.1:{port}"], port
