"""The functions that do the procedure's steps, a module for each place where they act."""
