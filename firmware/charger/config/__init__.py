"""Configuration: the table of keys with their checks, and the values on flash."""
