"""OCPP 1.6J: services own state, actions only translate."""
