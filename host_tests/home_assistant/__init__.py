"""The unit's MQTT discovery messages, held to Home Assistant's own schemas."""
