"""Imports from ROMFS; a frozen image has no file to read, but runs the same module bodies."""

import gc

import counting

for name in ("charger.app", "charger.ocpp.v16.charge_point"):
    gc.collect()
    counting.begin()
    __import__(name)
    print("count", "import." + name, counting.end())
