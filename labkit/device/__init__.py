"""The board as a serial URL: ports, captures of its console, build and flash commands."""
