"""Drivers: the only modules that touch `machine`. Which ones a board uses is said by its board.py."""
