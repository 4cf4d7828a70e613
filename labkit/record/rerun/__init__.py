"""Doing a run again from its record alone: what comes out the same, and what cannot."""
