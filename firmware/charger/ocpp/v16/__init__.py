"""OCPP 1.6J: services own the state, actions translate messages."""
