"""What the unit tells Home Assistant's MQTT discovery, held to what Home Assistant takes."""
