"""Running: the supervisor of the tasks and cooperative execution of long computations."""
