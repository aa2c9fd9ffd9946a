"""The compliance sheet: rows that a live charger has to earn, in groups that run side by side."""
