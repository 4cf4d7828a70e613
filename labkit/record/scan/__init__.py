"""The search for secrets: in any file, decoded too; redact, or refuse."""
