"""Planted faults: a board's own mistakes, and those of its network and its console.

A fault changes the board's flash, network, clock or log queue, never the text that it prints: the
board, its TLS library and the account detect it by themselves. Mistakes in the headers, the
certificates or the account are made there, and need no simulation.

The names are those of the causes that a diagnosis distinguishes.
"""

from __future__ import annotations

from labkit.bench.simulator.faults.planting import FAULTS, Planting, UnknownFaultError

__all__ = ["FAULTS", "Planting", "UnknownFaultError"]
