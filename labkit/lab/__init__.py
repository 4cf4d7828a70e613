"""The lab: what a page calls, the procedure, and what combines board, account and workspace."""
