"""Builds the charger's page, from web/ into a module of the firmware that holds it compressed."""
