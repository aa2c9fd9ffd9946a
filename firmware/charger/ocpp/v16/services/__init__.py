"""What a charge point knows and does, one module a feature. Services own state; ocpp/actions only translate."""
