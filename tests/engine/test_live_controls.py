"""Unique R and the static twin of a session are those of `evaluate --controls`, whatever the order of events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.records import SkippedWord, Word
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions
from rtalign.engine.live_controls import KEPT, LiveControls
from rtalign.engine.recording.session_folder import control_entries, score_columns
from rtalign.engine.snapshot import Work, from_message, seen_through, to_message
from rtalign.engine.take_snapshot import snapshot_of
from rtalign.language import AheadReader, EncodedWord, LiveReader
from rtalign.recordings import ConcatenatedRecording
from rtalign.scoring.findings import TWIN, UNIQUE
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.conftest import made_once
from tests.engine.test_engine import Scripted, as_events, run
from tests.helpers.small_world import small_recipe, world

QUIET = Progress(quiet=True)
RECIPE = small_recipe().with_settings("lags", start_s=0.0, stop_s=0.4, step_s=0.1).with_settings("fit", folds=3)


@pytest.fixture(scope="module")
def known() -> tuple[Any, Any]:
    recording, model = world(n_words=420, n_sensors=12)
    fresh, more = world(n_words=200, n_sensors=12, seed=5, prefix="f")
    model.table |= more.table
    return recording, (fresh, model)


@pytest.fixture(scope="module")
def bank(known: Any, tmp_path_factory: pytest.TempPathFactory) -> DecoderBank:
    recording, (_, model) = known

    def make(folder: Path) -> None:
        train([recording], model, RECIPE, folder / "bank", QUIET, store=folder / "store", controls=["nuisances"])

    return DecoderBank.load(made_once(tmp_path_factory, "controlled", make) / "bank")


def parts(recording: Any) -> list[Any]:
    """The recording cut in two, each with its own clock and numbers of words."""
    cut = recording.words[90].onset - 0.05
    first = round(cut * recording.sfreq)
    later = [replace(w, index=i, onset=w.onset - first / recording.sfreq) for i, w in enumerate(recording.words[90:])]
    ends = replace(recording, data=recording.data[:first], words=recording.words[:90])
    return [ends, replace(recording, data=recording.data[first:], words=tuple(later), name="later")]


def engine_of(bank: DecoderBank, recordings: list[Any], model: Any, source: Any = None, **options: Any) -> Engine:
    decoding, whole = DecoderSetup.from_bank(bank), ConcatenatedRecording(recordings)

    def stream() -> Any:
        for story in whole.stories:
            yield from model.stream([word.text for word in story], bank.recipe.language, decoding.states)

    reader = AheadReader(whole.words, stream, decoding.targets)
    starts = tuple(story[0].index for story in whole.stories)
    options = {"can_wait": True, "stories": starts} | options
    return Engine(decoding, source or ReplaySource(whole, None, 0.5), reader, EngineOptions(**options))


@pytest.mark.parametrize("n_parts", [1, 2])
def test_a_replay_gives_the_unique_r_of_evaluate(bank: DecoderBank, known: Any, tmp_path: Path, n_parts: int) -> None:
    fresh, model = known[1]
    recordings = parts(fresh) if n_parts == 2 else [fresh]
    offline = evaluate(bank, recordings, model, tmp_path / "out", QUIET, store=tmp_path, controls=["nuisances"])
    engine = run(engine_of(bank, recordings, model))
    assert engine.controls is not None
    assert (engine.controls.board.n, engine.controls.n_left_out) == (offline["n_words"], 0)
    for name in (UNIQUE, TWIN):
        mine, its = engine.assessment.controls[name].findings, offline["controls"][name]
        assert mine is not None
        assert np.abs(mine.curves.r - its["r"]).max() < 2e-5  # predictions are float32, a summary has six digits
        statuses = [peak.status == one["status"] for peak, one in zip(mine.peaks, its["layers"], strict=True)]
        assert np.mean(statuses) > 0.6  # nulls are drawn in other ways


def test_live_words_that_come_late_give_the_same(bank: DecoderBank, known: Any) -> None:
    """Markers come after their words, activations in any number; the last words have nobody after them."""
    fresh, model = known[1]
    decoding = DecoderSetup.from_bank(bank)
    reader = LiveReader(lambda: model.reader(bank.recipe.language, decoding.states), decoding.targets)
    live = run(Engine(decoding, Scripted(as_events(fresh, 100, 0.3)), reader))  # type: ignore[arg-type]
    replayed = run(engine_of(bank, [fresh], model))
    assert live.controls is not None
    assert replayed.controls is not None
    assert live.controls.board.n == replayed.controls.board.n == live.scoreboard.n
    mine, its = (one.controls.board.freeze().residuals.r() for one in (live, replayed))
    assert np.abs(mine - its).max() < 2e-5


def test_neighbours_count_where_they_are_not_scored(bank: DecoderBank, known: Any) -> None:
    """Every third word has no signal: the others keep their nuisances."""
    fresh, model = known[1]
    events = [
        SkippedWord(e, "late") if isinstance(e, Word) and e.index % 3 == 0 else e for e in as_events(fresh, 250, 0)
    ]
    engine = run(engine_of(bank, [fresh], model, Scripted(events)))
    assert engine.controls is not None
    assert engine.controls.n_left_out == 0
    assert engine.controls.board.n == engine.scoreboard.n < 140


def test_words_around_a_jump_are_left_out(bank: DecoderBank, known: Any) -> None:
    fresh, model = known[1]
    source = ReplaySource(ConcatenatedRecording([fresh]), None, 0.5)
    engine = engine_of(bank, [fresh], model, source)
    while engine.scoreboard.n < 40:
        engine.step(0.001)
    source.transport.seek(fresh.words[120].onset - 0.05)
    run(engine)
    assert engine.controls is not None
    assert engine.controls.n_left_out == 2
    assert engine.controls.board.n < engine.scoreboard.n


def test_words_that_are_never_read_leave_nothing_behind(bank: DecoderBank, known: Any) -> None:
    """Words have gaps between them where the language model is too far behind to read them."""
    assert bank.nuisances is not None
    word, static = known[1][0].words[0], np.zeros(bank.nuisances.n_components)
    controls = LiveControls(bank.nuisances, DecoderSetup.from_bank(bank))
    held = []
    for n in range(3 * KEPT):
        index = 7 * n + n % 3
        controls.add_reading(EncodedWord(replace(word, index=index), static, 3.0, 1, 0.0), static)
        controls.step()
        held.append(len(controls._facts))
    assert held[-1] == held[KEPT] <= KEPT


def test_a_bank_without_controls_has_none(trained: Any) -> None:
    bank = DecoderBank.load(trained[0] / "bank")
    engine = engine_of(bank, [trained[1]], trained[2])
    assert engine.controls is None
    assert DecoderSetup.from_bank(bank).states == bank.layers
    engine.close()


def test_scores_begin_anew(bank: DecoderBank, known: Any) -> None:
    fresh, model = known[1]
    engine = engine_of(bank, [fresh], model, Scripted(as_events(fresh, 250, 0)))
    while engine.scoreboard.n < 50:
        engine.step(0.001)
    engine.reset()
    run(engine)
    assert engine.controls is not None
    assert 0 < engine.controls.board.n <= engine.scoreboard.n


def test_files_streams_and_snapshots_carry_the_same_series(bank: DecoderBank, known: Any) -> None:
    """What a session's summary, scores.csv, LSL outlet and window show of unique R is one and the same."""
    fresh, model = known[1]
    engine, sent = engine_of(bank, [fresh], model), []
    engine.publish = lambda time_s, r, name: sent.append((time_s, name, r))
    run(engine)
    assessment = engine.assessment
    shown = from_message(to_message(snapshot_of(engine, 1, Work())))
    entries = control_entries(engine)
    columns = score_columns(assessment)
    plain = score_columns(replace(assessment, controls={}))
    assert list(columns)[: len(plain)] == list(plain)
    for name in (UNIQUE, TWIN):
        findings = assessment.controls[name].findings
        assert findings is not None
        last = [(time_s, r) for time_s, own, r in sent if own == name][-1]
        assert last[0] == [time_s for time_s, own, _ in sent if own == ""][-1]
        seen = seen_through(shown, name)
        for r in (last[1], seen.r, np.array(entries["controls"][name]["r"])):
            assert np.array_equal(r, findings.curves.r)
        assert (seen.peaks, seen.n_words) == (findings.peaks, engine.scoreboard.n)
        assert columns[f"{name.replace(' ', '_')}_status"] == [peak.status for peak in findings.peaks]
    assert np.array_equal(seen_through(shown, "").r, shown.r)
    assert entries["controls"][UNIQUE]["groups"] == bank.nuisances.sizes  # type: ignore[union-attr]
