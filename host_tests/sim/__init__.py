"""Black-box tests: whole simulated chargers against a back end."""
