"""Updates over the air: source, signature, installation, trial and integrity check (SEC-4 to 9)."""
