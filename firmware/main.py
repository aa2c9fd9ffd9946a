"""Hands over to the charger."""

import sys

from charger import app
from charger.drivers import console

console.close()  # the port opens it anew for each of its two files
try:
    app.main()
except Exception as error:  # noqa: BLE001 - whatever it was: what comes after this file is the prompt
    sys.print_exception(error)
console.over()
