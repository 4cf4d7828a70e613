"""Troubleshooting drills: faults that are planted on a simulated bench, to be found and mended."""
