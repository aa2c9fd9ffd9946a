"""Flash storage: atomic files, A/B records, append-only journals. No other module opens files on flash."""
