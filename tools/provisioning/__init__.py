"""How a unit gets what is its own: serial number, PINs, passwords, keys; and the label that says the half of it."""
