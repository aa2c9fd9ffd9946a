"""Erasure of personal data and the factory reset."""
