"""Secrets and certificates of the unit: the vault, provisioning, certificate and root stores."""
