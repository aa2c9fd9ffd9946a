"""Hardware in the loop: a unit and the car that is played for it, on the simulator, the bare-metal target, or a board."""
