"""Runtime: control loop, housekeeping, supervisor of tasks, memory, cooperative computation."""
