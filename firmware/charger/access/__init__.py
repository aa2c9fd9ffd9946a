"""Access control: roles, PINs, the PIN attempt throttle."""
