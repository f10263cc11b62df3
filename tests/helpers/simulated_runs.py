"""Short simulated runs in memory."""

from __future__ import annotations

import numpy as np

from rtalign.simulation import SimulatedRun, SimulationPlan, independent_layers, synthesise, timed_story

HELMETS = ("ctf275", "neuromag306")


SHORT = SimulationPlan(n_words=60, run_words=30, sfreq=120.0, snr=1.0, seed=3)


def signal_of(run: SimulatedRun, seconds: float = 10.0) -> np.ndarray:
    """(sample, sensor), put together from chunks."""
    return np.concatenate([chunk.data for chunk in run.chunks(seconds)])


def make_runs(plan: SimulationPlan, n_layers: int = 3, n_dims: int = 2) -> tuple[tuple[SimulatedRun, ...], np.ndarray]:
    """The runs of a plan, and the independent information planted in them."""
    story = timed_story(plan)
    information = independent_layers(sum(map(len, story)), n_layers, n_dims, plan.seed)
    return synthesise(plan, story, information), information
