"""OCPP-J transport: RPC framing, one connection kept alive, trials of new credentials."""
