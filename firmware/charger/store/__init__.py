"""Flash: atomic small files, slots for what changes often, append-only journals. Nothing else opens a file on flash."""
