"""Adaptation at full length: decoders learned on the way against those of a bank (`make soak`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.language import AheadReader, load
from rtalign.recordings import ConcatenatedRecording
from rtalign.simulation import SimulationPlan, planted_information, shipped_story, story_words, synthesise, timed_story
from rtalign.streams.replay import ReplaySource
from rtalign.training.trainer import train

pytestmark = pytest.mark.slow

N_WORDS = 6240
"""Forty minutes of the packaged story, in ten runs."""
RECIPE = Recipe().with_settings("lags", start_s=-0.5, stop_s=1.5, step_s=0.04)


def replay_through(model: Any, decoding: DecoderSetup, runs: list[Recording], adapt: bool) -> Engine:
    """The engine after the whole replay, as fast as the machine can."""
    recording = ConcatenatedRecording(runs)

    def stream() -> Any:
        for story in recording.stories:
            yield from model.stream([w.text for w in story], decoding.recipe.language, decoding.layers)

    engine = Engine(
        decoding, ReplaySource(recording, None, 1.0), AheadReader(recording.words, stream, decoding.targets),
        EngineOptions(adapt=adapt, can_wait=True),
    )  # fmt: skip
    while not engine.ended:
        engine.step(0.001)
    engine.finish()
    engine.close()
    return engine


@pytest.mark.parametrize("null", [False, True], ids=["a listener", "nothing planted"])
def test_learned_decoders_come_near_those_of_a_bank(tmp_path: Path, null: bool) -> None:
    """Forty minutes of words.  The bank has had all of them at once, and its score is cross-validated."""
    model, text = load("smollm2"), shipped_story() + "\n\n" + shipped_story()
    plan = SimulationPlan(seed=4, null=null, n_words=N_WORDS, run_words=N_WORDS // 10)
    story = timed_story(plan, text)
    information = None if null else planted_information(model, plan, story, lambda *_: None)[1]
    runs = list(synthesise(plan, story, information))
    decoding = DecoderSetup.from_text(model, story_words(shipped_story()), RECIPE)
    engine = replay_through(model, decoding, runs, adapt=True)
    findings = engine.assessment.findings
    assert findings is not None
    if null:
        assert not any(peak.peak_s is not None for peak in findings.peaks)
        assert findings.temporal is None
        return
    train(runs, model, RECIPE, tmp_path / "bank", Progress(quiet=True), store=tmp_path / "cache")
    offline = DecoderBank.load(tmp_path / "bank")
    best = np.array(offline.tensors["r"]).max(-1).mean()
    reached = engine.scoreboard.r(1000).max(-1).mean()
    print(f"\nlearned on the way: mean peak R {findings.alignment.mean_of_max:.3f} over all words, ", end="")
    print(f"{reached:.3f} over the last 1,000; the bank, cross-validated, {best:.3f}; {engine.n_solved} updates")
    assert findings.alignment.mean_of_max >= 0.8 * best
