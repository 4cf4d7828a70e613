"""The file of a record and its signature, and the signing keys."""
