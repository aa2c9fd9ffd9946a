"""Public-key arithmetic, hashes, DER, PEM, X.509 and path validation. Pure computation: no files, no network."""
