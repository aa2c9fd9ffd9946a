"""Runs before everything: puts every contactor output to open, so that no later failure can leave one floating (CP-30)."""

import board
import machine

for wiring in board.OUTLETS:
    machine.Pin(wiring["contactor"]["out"], machine.Pin.OUT, value=0)
