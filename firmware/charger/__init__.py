"""Pilotlight: firmware for an AC mode 3 EV charger. `charger.app` is the composition root."""
