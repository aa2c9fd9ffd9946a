"""Load management: reduces or delays charging, only by setting limits of the outlets."""
