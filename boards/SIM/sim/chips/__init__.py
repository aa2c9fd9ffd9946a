"""Simulated meter chips: each decodes the real traffic of its bus and takes its truth from a source in the world."""
