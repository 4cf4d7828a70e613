"""Planted faults: the states in which a board, its network or its console can be at a bench.

A fault changes what a board works with, its flash, its network, its clock, its log queue, and never
what it prints: the board, its TLS library and the account find out by themselves. What lives in the
headers, the certificates or the account is planted there by whoever works at the bench, and needs
nothing simulated.

The names are those of the causes that a diagnosis tells apart.
"""

from __future__ import annotations

from labkit.bench.simulator.faults.fault import Fault
from labkit.bench.simulator.faults.planting import FAULTS, Planting, UnknownFaultError

__all__ = ["FAULTS", "Fault", "Planting", "UnknownFaultError"]
