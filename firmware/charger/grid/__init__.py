"""Everything that may say "later" or "less": what it decides reaches an outlet only as a limit."""
