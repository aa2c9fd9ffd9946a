"""OCPP: transport/ is independent of the version, v16/ is OCPP 1.6J."""
