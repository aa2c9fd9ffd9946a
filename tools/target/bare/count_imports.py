"""The application's import from ROMFS. Most of it is the search for names that a frozen image has in its own table already."""

import gc

import counting

gc.collect()
counting.begin()
__import__("charger.app")
print("count", "import.charger.app", counting.end())
