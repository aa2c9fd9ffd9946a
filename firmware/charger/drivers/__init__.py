"""Drivers: the only modules that touch `machine`. A board's board.py names the drivers that it uses."""
