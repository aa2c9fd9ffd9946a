"""The network: Wi-Fi, name look-up, TLS, WebSocket. Every wait has a deadline; none blocks the loop."""
