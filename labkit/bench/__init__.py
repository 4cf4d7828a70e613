"""The simulated bench: the program, its client, its firmware trees, the handshakes it saw."""
