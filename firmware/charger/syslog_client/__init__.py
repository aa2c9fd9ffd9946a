"""The owner's syslog receiver."""
