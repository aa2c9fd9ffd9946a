"""Secrets, certificates and the public-key arithmetic behind them."""
