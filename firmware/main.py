"""Hands over to the charger."""

from charger import app

app.main()
