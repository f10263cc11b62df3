"""Coils that measure along the head's normal in tesla, by the numbers that FIF files give them."""

from __future__ import annotations

AXIAL = frozenset({2001, 4002, 5001, 6001, 7001, 7501, 9001, 9101, 9102})
"""Gradiometers that see what a magnetometer sees: NeuroMag's axial one, Magnes, CTF, KIT, BabySQUID, Artemis123,
KRISS and both of Compumedics.  Why as numbers: whoever reads a stream's description need not load MNE for them."""
