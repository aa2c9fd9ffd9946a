"""Security events and the security log."""
