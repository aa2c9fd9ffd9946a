"""The measurements of `make bench`, one module a subject; each gives rows of (name, value)."""
