"""OCPP: transport/ carries any version, v16/ holds OCPP 1.6J."""
