"""The simulated board's insides: time, electrical world, flash, link to the process that started it."""
