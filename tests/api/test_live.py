"""connect: a replay from Python gives the scores of the command, and tells what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtalign as rt
from tests.helpers.live_setup import summary


def settings(folder: Path) -> dict[str, Any]:
    names = ("bank", "model")
    return {name: str(folder / name) for name in names} | {"recording": folder / "listener", "run": "02"}


def test_a_replay_yields_snapshots_up_to_the_offline_scores(live_setup: Path, tmp_path: Path) -> None:
    with rt.connect(**settings(live_setup), speed=None, out=tmp_path / "scores") as live:
        snapshots = list(live)
    counts = [snapshot.n_scored for snapshot in snapshots]
    offline = summary(live_setup / "offline")
    assert counts == sorted(counts)
    assert snapshots[-1].phase == "ended"
    assert counts[-1] == offline["n_words"]
    assert np.allclose(snapshots[-1].r, offline["r"], atol=1e-4)
    assert (tmp_path / "scores" / "summary.json").is_file()
    assert live.losses == ()


def test_leaving_the_block_ends_the_session(live_setup: Path) -> None:
    with rt.connect(**settings(live_setup)) as live:
        first = next(iter(live))
    assert first.phase == "loading"
    assert live.newest.phase == "ended"


def test_mistakes_are_one_line(live_setup: Path) -> None:
    with pytest.raises(ValueError, match="did you mean bank"):
        rt.connect(bnak="bank")
    with rt.connect(bank=live_setup / "none", recording=live_setup / "listener") as live:  # noqa: SIM117
        with pytest.raises(ValueError, match="is not a decoder bank"):
            list(live)
