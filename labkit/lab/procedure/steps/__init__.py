"""The functions that do the procedure's steps, a module for each part that they work with."""
