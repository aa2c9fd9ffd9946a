"""The simulator's own process: command line, control port, and the interpreter that runs the simulated board."""
