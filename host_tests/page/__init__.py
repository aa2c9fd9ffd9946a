"""The charger's page in a real browser, against a simulated charger."""
