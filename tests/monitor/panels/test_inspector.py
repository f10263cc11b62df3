"""The inspector: the facts of a word."""

from __future__ import annotations

import dataclasses

import numpy as np

from rtalign_monitor.panels.inspector import facts
from tests.helpers import snapshots


def test_surprisal_is_given_in_bits() -> None:
    entry = dataclasses.replace(snapshots.snapshot_after(300).words[-8], surprisal=float(np.log(8)))
    assert any("surprisal 3.0 bits" in line for line in facts(entry))
