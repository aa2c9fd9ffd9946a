"""Provisioning of a unit: serial number, PINs, passwords, keys; and the label that shows a part of them."""
