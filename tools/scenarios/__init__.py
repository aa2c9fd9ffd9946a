"""Scenarios of a charger and a back end: the files of the library, how they are read, and how they are played."""
