"""The board: a serial stream, a flash, a boot, and the MQTT hello world."""
