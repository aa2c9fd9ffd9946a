"""The application's import, frozen as in a board's image."""

import gc

import counting

gc.collect()
counting.begin()
__import__("charger.app")
print("count", "import.charger.app", counting.end())
