"""The mutual TLS handshake of a connection, step by step: who proves what, and where it broke.

::

    seen = handshake.read(attempt)   # an attempt as the simulated gateway tells it
    print(seen)
"""

from __future__ import annotations

from labkit.bench.handshake.reading import Handshake, Outcome, Step, read

__all__ = ["Handshake", "Outcome", "Step", "read"]
