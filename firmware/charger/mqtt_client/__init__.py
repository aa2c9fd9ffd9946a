"""The owner's MQTT client: publishes status, notices and the security log, executes commands."""
