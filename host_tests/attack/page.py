"""Shared by attacks on the local page: its address, and the unit's label. The client: backend.page."""

from backend.simulator import free_port
from sim.provisioned_units import labels


def label_of(sim):
    """The label that was printed when the unit was made."""
    return labels(sim)[0]


def web_words():
    """(options of a charger with a page, its port)."""
    port = free_port()
    return ["--web", f"127.0.0.1:{port}"], port
