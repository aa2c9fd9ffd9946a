"""The firmware's public-key code against the `cryptography` package, with vectors made when the tests run."""
