"""The mutual TLS handshake of a connection, step by step: what each side proves, and failures.

::

    result = handshake.read(attempt)   # an attempt as the simulated gateway reports it
    print(result)
"""

from __future__ import annotations

from labkit.bench.handshake.reading import Handshake, Outcome, Step, read

__all__ = ["Handshake", "Outcome", "Step", "read"]
