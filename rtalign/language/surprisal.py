"""How well a model foresaw each word, as quarters of a story."""

from __future__ import annotations

import numpy as np

QUARTILES = ("most expected", "expected", "surprising", "most surprising")
"""Names of the quarters, in order."""

UNKNOWN = -1
"""The quarter of a word that nothing precedes, or that a model cannot foretell."""


def quartiles(surprisal: np.ndarray) -> np.ndarray:
    """(word,) 0 to 3, from the most expected quarter of the words to the most surprising one; UNKNOWN for NaN.

    surprisal : (word,) in nats.  Ties are broken by the order of the words, so that the quarters are equal to one word.
    """
    known = np.flatnonzero(np.isfinite(surprisal))
    order = known[np.argsort(surprisal[known], kind="stable")]
    quarter = np.full(len(surprisal), UNKNOWN, np.int8)
    quarter[order] = np.arange(len(order)) * 4 // max(len(order), 1)
    return quarter
