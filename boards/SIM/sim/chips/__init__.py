"""Simulated meter chips: each decodes the real traffic of its bus and takes its truth from a source in the world.

A module has the name of its driver's file and a function fit(place), which wires the chip (front_ends.Place).
ON_SIM: names of --set MeterKind -> (driver, options to which each outlet's number is added, options that all outlets share).
"""

ON_SIM = {
    "ADE7953": ("ade7953_i2c", {"bus": 0}, {"address": 0x38}),
    "ADE7953-SPI": ("ade7953_spi", {"bus": 0, "cs": 120}, {}),
    "ATM90E32": ("atm90e32", {"bus": 0, "cs": 120}, {"phases": 3}),
    "BL0942": ("bl0942", {"bus": 10}, {}),
    "CSE7766": ("cse7766", {"bus": 10}, {}),
    "CT": ("ct_adc", {"v_adc": 50, "i_adc": 54}, {}),
    "SDM120": ("sdm120", {"bus": 10}, {}),
    "SDM630": ("sdm630", {"bus": 10}, {}),
}
