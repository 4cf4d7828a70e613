"""The board as a serial URL, and the image that is built from its firmware tree."""
