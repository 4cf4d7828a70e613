"""Search files for secrets, also decoded; redact them, or refuse the files."""
