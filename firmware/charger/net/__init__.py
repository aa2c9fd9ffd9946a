"""The network: Wi-Fi, name look-up, TLS, WebSocket. Every wait in here has a deadline and none blocks the loop."""
