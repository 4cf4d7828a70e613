"""The content of a record: files, facts, metadata and report."""
