"""The owner's portal: status, notices and the security log to an MQTT broker of his, and his commands from there."""
