"""The file: a canonical ZIP, its metadata, its signature, the keys."""
