"""The engine: the numbers of evaluate whatever the order of events, and every word accounted for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Gate
from threading import Semaphore, Timer
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rtalign.core.progress import Progress
from rtalign.core.records import BadMark, BadStretch, Chunk, SkippedWord, Word
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup, SensorMap
from rtalign.engine import snapshot
from rtalign.engine.engine import Engine, EngineOptions, SessionSink
from rtalign.engine.process import wire
from rtalign.engine.take_snapshot import snapshot_of
from rtalign.language import AheadReader, LiveReader, Reading
from rtalign.recordings import ConcatenatedRecording
from rtalign.streams.events import Event, HeadLocalised, Health, Notice, SignalChanged, SourceEnded, StreamHealth
from rtalign.streams.replay import ReplaySource
from rtalign.training.evaluation import evaluate
from rtalign.training.trainer import train
from tests.helpers.heads import COILS, position
from tests.helpers.small_world import FakeModel, MemoryRecording, small_recipe, world

QUIET = Progress(quiet=True)
RECIPE = small_recipe()


@pytest.fixture(scope="module")
def bank(trained: tuple[Path, MemoryRecording, FakeModel]) -> DecoderBank:
    return DecoderBank.load(trained[0] / "bank")


@pytest.fixture(scope="module")
def fresh() -> tuple[MemoryRecording, FakeModel]:
    return world(n_words=300, seed=5, prefix="f")


@pytest.fixture(scope="module")
def offline(bank: DecoderBank, fresh: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("offline")
    return evaluate(bank, [fresh[0]], fresh[1], folder / "out", QUIET, store=folder / "cache")


def ahead_reader(bank: DecoderBank, recording: Any, model: FakeModel) -> AheadReader:
    decoding = DecoderSetup.from_bank(bank)
    texts = [word.text for word in recording.words]
    return AheadReader(
        recording.words, lambda: model.stream(texts, bank.recipe.language, bank.layers), decoding.targets
    )


def run(engine: Engine) -> Engine:
    try:
        while not engine.ended:
            engine.step(0.001)
        engine.finish()
    finally:
        engine.close()
    return engine


class Scripted:
    """A source that hands out what it was given, one event a poll."""

    transport = None

    def __init__(self, events: list[Event]) -> None:
        self._events: Iterator[Event] = iter(events)

    def age(self, time_s: float) -> float:
        del time_s
        return 0.0

    def to_local(self, time_s: float) -> float:
        return time_s

    def poll(self, timeout_s: float) -> list[Event]:
        return [next(self._events, SourceEnded())]

    def health(self) -> Health:
        return Health(StreamHealth("m", "flowing"), StreamHealth("w", "flowing"))

    def close(self) -> None: ...


def as_events(recording: MemoryRecording, size: int, late: float) -> list[Event]:
    """Chunks of `size` samples, each word `late` seconds after its onset."""
    events: list[Event] = [SignalChanged(recording.sensors, recording.sfreq)]
    waiting = list(recording.words)
    for chunk in recording.chunks(size / recording.sfreq):
        while waiting and waiting[0].onset + late < chunk.end:
            events.append(waiting.pop(0))
        events.append(chunk)
    return [*events, *waiting]


def midway(recording: MemoryRecording, there: SignalChanged, change: Callable[[np.ndarray], np.ndarray]) -> list[Event]:
    """From the middle on it is another stream, whose samples are made of what they were."""
    events = as_events(recording, 250, 0)
    half = len(events) // 2
    later = [Chunk(change(e.data), e.start, there.sfreq) if isinstance(e, Chunk) else e for e in events[half:]]
    return [*events[:half], there, *later]


@pytest.mark.parametrize("chunk_s", [0.004, 0.1, 1.0])
def test_replay_gives_the_numbers_of_evaluate(
    bank: DecoderBank, fresh: Any, offline: dict[str, Any], chunk_s: float
) -> None:
    """R(layer, lag) of the running sums equals that of the whole recording."""
    recording, model = fresh
    engine = run(
        Engine(
            DecoderSetup.from_bank(bank), ReplaySource(recording, None, chunk_s), ahead_reader(bank, recording, model)
        )
    )
    assert engine.scoreboard.n == offline["n_words"]
    assert sum(engine.ledger.skipped.values()) == sum(offline["skipped"].values())
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


@pytest.mark.parametrize(("size", "late"), [(1, 0.0), (37, 2.0), (5000, 2.0)])
def test_neither_chunks_nor_late_words_change_a_number(
    bank: DecoderBank, fresh: Any, offline: dict[str, Any], size: int, late: float
) -> None:
    recording, model = fresh
    decoding = DecoderSetup.from_bank(bank)
    reader = LiveReader(lambda: model.reader(bank.recipe.language, bank.layers), decoding.targets)
    engine = run(Engine(decoding, Scripted(as_events(recording, size, late)), reader))
    assert engine.scoreboard.n == offline["n_words"]
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


def test_words_in_bad_stretches_are_skipped_with_the_same_reasons_by_evaluate_and_replay(
    bank: DecoderBank, fresh: Any, offline: dict[str, Any], tmp_path: Path
) -> None:
    recording, model = fresh
    at = [word.onset for word in recording.words]
    bad = (BadStretch(at[50], at[60], "muscle"), BadStretch(at[200], at[200], "boundary of joined files"))
    marked = replace(recording, bad_stretches=bad)
    evaluated = evaluate(bank, [marked], model, tmp_path / "out", QUIET, store=tmp_path / "cache")
    joined = ConcatenatedRecording([recording, marked])
    assert joined.bad_stretches[0].start == pytest.approx(joined.to_common_time(1, bad[0].start))
    source = ReplaySource(marked, None, 0.1)
    engine = run(Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, marked, model)))
    assert evaluated["skipped"]["muscle"] > 10
    assert evaluated["skipped"]["boundary of joined files"] > 0
    assert dict(engine.ledger.skipped) == evaluated["skipped"]
    assert engine.scoreboard.n == evaluated["n_words"] < offline["n_words"]
    assert np.abs(engine.scoreboard.r() - evaluated["r"]).max() < 1e-5


def test_marks_made_live_skip_the_words_that_evaluate_skips(bank: DecoderBank, fresh: Any, tmp_path: Path) -> None:
    """A mark holds from its beginning until it is ended; words that are under way count, words scored before stay."""
    recording, model = fresh
    at = [word.onset for word in recording.words]
    source = ReplaySource(recording, None, 0.1)
    engine = Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model))
    while engine.intake.time_s < at[50]:
        engine.step(0.001)
    mark = BadMark(engine.intake.time_s, at[60])
    engine.mark(replace(mark, stop=None))
    while engine.intake.time_s < at[60]:
        engine.step(0.001)
    engine.mark(mark)
    run(engine)
    offline = replace(recording, bad_stretches=(BadStretch(mark.start, at[60], mark.reason),))
    evaluated = evaluate(bank, [offline], model, tmp_path / "out", QUIET, store=tmp_path / "cache")
    assert evaluated["skipped"][mark.reason] > 10
    assert dict(engine.ledger.skipped) == evaluated["skipped"]
    assert np.abs(engine.scoreboard.r() - evaluated["r"]).max() < 1e-5


def test_a_marked_sensor_is_as_one_that_is_missing(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    less = MemoryRecording(recording.data[:, 1:], recording.words)
    less.sensors = recording.sensors[1:]
    engines = []
    for shown, left_out in ((recording, ()), (less, (recording.sensors[0].name,))):
        source = ReplaySource(shown, None, 0.1, left_out=left_out)
        engines.append(Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, shown, model)))
    marked, missing = engines
    marked.step(0.001)
    with pytest.raises(ValueError, match="no sensor called X"):
        marked.mark(BadMark(0.0, None, "X"))
    marked.mark(BadMark(0.0, None, recording.sensors[0].name))
    assert np.allclose(run(marked).scoreboard.r(), run(missing).scoreboard.r(), atol=1e-6)
    assert not missing.intake.refused
    assert "M000 left out" in missing.notices[0].text
    assert marked.intake.left_out == missing.intake.left_out == ("M000",)
    assert {"name": "M000", "left_out": True, "reason": "marked as bad"} in marked.intake.sensor_faults()
    assert {"name": "M000", "left_out": True, "reason": "missing"} in missing.intake.sensor_faults()


def test_a_sensor_whose_mark_is_taken_back_is_used_as_if_nothing_had_been(
    bank: DecoderBank, fresh: Any, offline: dict[str, Any]
) -> None:
    recording, model = fresh
    engine = Engine(
        DecoderSetup.from_bank(bank), ReplaySource(recording, None, 0.1), ahead_reader(bank, recording, model)
    )
    while engine.intake.time_s < 1.0:
        engine.step(0.001)
    engine.mark(BadMark(1.0, None, "M003"))
    engine.take_back_mark(1.0, "M003")
    assert np.abs(run(engine).scoreboard.r() - offline["r"]).max() < 1e-5


def test_sensors_are_in_the_snapshots_while_they_are_asked_for(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    engine = Engine(
        DecoderSetup.from_bank(bank), ReplaySource(recording, None, 0.1), ahead_reader(bank, recording, model)
    )
    engine.intake.show_sensors(True)
    while engine.intake.time_s < 4.0:
        engine.step(0.001)
    engine.mark(BadMark(2.0, None, "M003"))
    view = through_the_pipe(engine).sensors
    assert view is not None
    assert view.low.shape == view.high.shape == (round(4.0 / view.column_s), 24)
    assert view.start == pytest.approx(0.0, abs=1e-9)
    assert (view.low <= view.high).all()
    assert [name for name, why in zip(view.names, view.left_out, strict=True) if why] == ["M003"]
    assert (view.seconds, view.spectra.shape[1]) == (pytest.approx(4.0, abs=1.0), 24)
    engine.intake.show_sensors(False)
    assert through_the_pipe(engine).sensors is None
    engine.close()


def through_the_pipe(engine: Engine) -> snapshot.Snapshot:
    message = snapshot.to_message(snapshot_of(engine, 1, snapshot.Work()))
    return snapshot.from_message(wire.read(io.BytesIO(wire.pack(message))))


def test_replay_gives_the_peaks_of_evaluate(bank: DecoderBank, fresh: Any, offline: dict[str, Any]) -> None:
    recording, model = fresh
    engine = run(
        Engine(DecoderSetup.from_bank(bank), ReplaySource(recording, None, 1.0), ahead_reader(bank, recording, model))
    )
    findings = engine.assessment.findings
    assert findings is not None
    assert findings.temporal is not None
    assert abs(findings.temporal.r - offline["temporal_score"]["r"]) < 0.02
    for peak, there in zip(findings.peaks, offline["layers"], strict=True):
        assert (peak.status, peak.peak_s) == (there["status"], pytest.approx(there["peak_s"], abs=1e-6))


def test_a_seek_counts_no_word_twice_and_loses_none(bank: DecoderBank, fresh: Any, offline: dict[str, Any]) -> None:
    recording, model = fresh
    source = ReplaySource(recording, None, 0.5)
    engine = Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model))
    while source.position < 60:
        engine.step(0.001)
    before = engine.ledger.n_scored
    source.seek(20.0)
    while source.position < 60:
        engine.step(0.001)
    assert engine.ledger.n_scored <= before + 5  # those whose last lag had not come before the seek
    run(engine)
    assert engine.ledger.n_received == len(recording.words)
    assert engine.ledger.n_scored == offline["n_words"]
    assert sum(engine.ledger.skipped.values()) == sum(offline["skipped"].values())


def test_words_jumped_over_do_not_count(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    source = ReplaySource(recording, None, 0.5)
    source.seek(60.0)
    engine = run(Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model)))
    later = [word for word in recording.words if word.onset >= 60]
    assert engine.ledger.n_received == len(later)
    assert engine.ledger.n_scored >= len(later) - 8


def test_marks_are_carried_to_the_folder_and_from_an_engine_before(bank: DecoderBank, fresh: Any) -> None:
    class Sink(SessionSink):
        written: list[BadMark] = []  # noqa: RUF012 (one sink)

        def write_mark(self, mark: BadMark, taken_back: bool = False) -> None:
            self.written.append(mark)

    recording, model = fresh
    source = ReplaySource(recording, None, 0.5)
    engine = Engine(DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model), sink=Sink())
    while engine.intake.time_s < 2.0:
        engine.step(0.001)
    engine.mark(BadMark(0.5, 1.0))
    engine.carry_marks([BadMark(0.0, None, "M003")])
    assert Sink.written == [BadMark(0.5, 1.0)] * 2
    assert engine.intake.marks.open_sensors == {"M003"}
    engine.close()


def with_recordings(bank: DecoderBank, **entry: object) -> DecoderSetup:
    """The bank, with one recording that says so of itself."""
    return DecoderSetup.from_bank(replace(bank, passport=bank.passport | {"recordings": [entry]}))


def test_the_head_is_compared_with_that_of_the_bank(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    near, far = (position(COILS + np.array([0.0, 0.0, mm / 1000])) for mm in (0.5, 3.2))
    setup = with_recordings(bank, head=list(position().rows))
    events = [SignalChanged(recording.sensors, recording.sfreq), HeadLocalised(near, 1.0), HeadLocalised(far, 2.0)]
    engine = Engine(setup, Scripted(events), ahead_reader(bank, recording, model))
    distances = []
    for _ in events:
        engine.step(0.001)
        distances.append(through_the_pipe(engine).head_mm)
    assert distances == [None, pytest.approx(0.5, abs=1e-6), pytest.approx(3.2, abs=1e-6)]
    (notice,) = [notice for notice in engine.notices if notice.kind == "head"]
    assert (notice.text, notice.time) == ("the head is 3.2 mm from where it was in training", 2.0)
    engine.close()


@pytest.mark.parametrize(
    ("in_bank", "stream", "refused", "said"),
    [
        (0, 0, False, ""),
        (0, 3, True, "the stream has compensation grade 3, the bank 0"),
        (3, None, False, "the bank has compensation grade 3, and the stream does not say which it has"),
        (None, 3, False, ""),
    ],
)
def test_a_stream_of_another_compensation_grade_is_refused(
    bank: DecoderBank, fresh: Any, in_bank: int | None, stream: int | None, refused: bool, said: str
) -> None:
    recording, model = fresh
    changed = SignalChanged(recording.sensors, recording.sfreq, grade=stream)
    engine = Engine(with_recordings(bank, grade=in_bank), Scripted([changed]), ahead_reader(bank, recording, model))
    engine.step(0.001)
    assert bool(engine.intake.refused) == refused
    assert [n.text for n in engine.notices if n.kind == "passport" and said in n.text] or not said
    engine.ignore_missing_sensors()
    assert not engine.intake.refused
    engine.close()


def test_a_stream_without_a_sensor_is_refused_by_name(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    events = [e for e in as_events(recording, 500, 0) if not isinstance(e, Chunk)]
    events[0] = SignalChanged(recording.sensors[1:], recording.sfreq)
    engine = run(Engine(DecoderSetup.from_bank(bank), Scripted(events), ahead_reader(bank, recording, model)))
    assert engine.intake.refused == ("the bank expects 24 sensors; M000 is not there",)
    assert "--allow-missing" in engine.notices[-1].text
    assert engine.ledger.skipped == {"no signal that fits the bank": 300}


def test_a_missing_sensor_is_ignored_when_allowed(bank: DecoderBank, fresh: Any, offline: dict[str, Any]) -> None:
    """It adds its training mean to every prediction: a constant, which a correlation does not depend on."""
    recording, model = fresh
    less = MemoryRecording(recording.data[:, 1:], recording.words)
    less.sensors = recording.sensors[1:]
    engine = run(
        Engine(
            DecoderSetup.from_bank(bank),
            ReplaySource(less, None, 1.0),
            ahead_reader(bank, less, model),
            EngineOptions(allow_missing=True),
        )
    )
    flat = MemoryRecording(recording.data.copy(), recording.words)
    flat.data[:, 0] = 0
    constant = run(Engine(DecoderSetup.from_bank(bank), ReplaySource(flat, None, 1.0), ahead_reader(bank, flat, model)))
    assert np.allclose(engine.scoreboard.r(), constant.scoreboard.r(), atol=1e-4)
    assert not np.allclose(engine.scoreboard.r(), offline["r"], atol=1e-3)


def test_after_a_reset_a_replay_can_be_scored_again(bank: DecoderBank, fresh: Any, offline: dict[str, Any]) -> None:
    recording, model = fresh
    source = ReplaySource(recording, None, 0.5)
    engine = Engine(
        DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model), EngineOptions(can_wait=True)
    )
    while not engine.ended:
        engine.step(0.001)
    engine.reset()
    source.seek(recording.start)
    engine.step(0.001)
    run(engine)
    assert engine.ledger.n_received == len(recording.words)
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == len(recording.words)
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5
    indices = [entry.word.index for entry in engine.ledger.entries]
    assert len(indices) == len(set(indices))


def test_a_refused_stream_goes_on_without_missing_sensors(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    less = MemoryRecording(recording.data[:, 1:], recording.words)
    less.sensors = recording.sensors[1:]
    engine = Engine(DecoderSetup.from_bank(bank), ReplaySource(less, None, 1.0), ahead_reader(bank, less, model))
    engine.step()
    assert engine.intake.refused
    assert engine.intake.n_sensors == 23
    engine.ignore_missing_sensors()
    assert not engine.intake.refused
    assert run(engine).ledger.n_scored > 250


def test_sensors_in_another_order_change_nothing(bank: DecoderBank, fresh: Any, offline: dict[str, Any]) -> None:
    recording, model = fresh
    order = np.random.default_rng(3).permutation(24)
    other = MemoryRecording(recording.data[:, order], recording.words)
    other.sensors = tuple(recording.sensors[i] for i in order)
    engine = run(Engine(DecoderSetup.from_bank(bank), ReplaySource(other, None, 1.0), ahead_reader(bank, other, model)))
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


def test_a_stream_may_come_back_with_more_channels(bank: DecoderBank, fresh: Any) -> None:
    """The bank's sensors are found by name in the new stream; only words around the change are lost."""
    recording, model = fresh
    more = np.random.default_rng(0)
    new = [replace(recording.sensors[0], name=name) for name in ("X1", "X2")]
    wider = SignalChanged((*new, *recording.sensors), recording.sfreq)
    events = midway(recording, wider, lambda data: np.hstack([more.standard_normal((len(data), 2)), data]))
    engine = run(Engine(DecoderSetup.from_bank(bank), Scripted(events), ahead_reader(bank, recording, model)))
    assert not engine.intake.refused
    assert engine.ledger.n_scored > 260
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300
    assert engine.scoreboard.r().max() > 0.1


def test_a_stream_may_come_back_at_another_rate(bank: DecoderBank, fresh: Any) -> None:
    """Filters are made anew for the new rate; epochs are read at the same lags as before."""
    recording, model = fresh
    events = midway(recording, SignalChanged(recording.sensors, 500.0), lambda data: np.repeat(data, 2, axis=0))
    engine = run(Engine(DecoderSetup.from_bank(bank), Scripted(events), ahead_reader(bank, recording, model)))
    assert engine.ledger.n_scored > 260
    assert engine.scoreboard.r().max() > 0.1


def test_a_failing_language_model_costs_its_own_words_alone(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    decoding = DecoderSetup.from_bank(bank)

    class Fails:
        n = 0

        def read(self, words: list[str]) -> Any:
            self.n += len(words)
            if self.n > 120:
                raise ValueError("the context is full")
            return model.encode(words, bank.recipe.language, bank.layers)

        def prepare(self, *_: object) -> bool:
            return False

    reader = LiveReader(Fails, decoding.targets)
    engine = run(Engine(decoding, ReplaySource(recording, None, 1.0), reader, EngineOptions(can_wait=True)))
    assert engine.failure == "the language model stopped: the context is full"
    assert [notice.kind for notice in engine.notices] == ["language"]
    assert 100 < engine.scoreboard.n <= 120
    assert engine.assessment.findings is not None
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300


def test_the_bank_can_be_changed_during_a_session(bank: DecoderBank, fresh: Any, tmp_path: Path) -> None:
    """From then on the numbers are those of the new bank on the same words, but for filters that begin anew."""
    other, more = world(n_words=500, seed=11)
    train([other], more, RECIPE, tmp_path / "bank", QUIET, store=tmp_path / "cache")
    second = DecoderBank.load(tmp_path / "bank")
    recording, model = fresh
    source = ReplaySource(recording, None, 0.5)
    engine = Engine(
        DecoderSetup.from_bank(bank), source, ahead_reader(bank, recording, model), EngineOptions(can_wait=True)
    )
    while source.position < 40:
        engine.step(0.001)
    engine.use(DecoderSetup.from_bank(second))
    assert engine.scoreboard.n == 0
    run(engine)
    texts = [entry.word.text for entry in engine.ledger.recent if entry.status == "scored"][-engine.scoreboard.n :]
    alone = Engine(
        DecoderSetup.from_bank(second),
        ReplaySource(recording, None, 0.5),
        ahead_reader(second, recording, model),
        EngineOptions(can_wait=True),
    )
    seen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    add = alone.scoreboard.add
    alone.scoreboard.add = lambda i, p, y: seen.update({f"f{i}": (p, y)}) or add(i, p, y)  # type: ignore[method-assign]
    run(alone)
    p, y = (np.stack([seen[text][k] for text in texts]) for k in (0, 1))
    r = [[np.corrcoef(p[:, lag, t], y[:, t])[0, 1] for lag in range(p.shape[1])] for t in range(y.shape[1])]
    assert np.abs(engine.scoreboard.r() - np.reshape(r, (6, 4, -1)).mean(1)).max() < 5e-3
    assert np.abs(engine.scoreboard.r() - alone.scoreboard.r()).max() > 5e-3  # the words before the change are missing


def test_a_bank_of_another_context_is_refused(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    engine = Engine(
        DecoderSetup.from_bank(bank), ReplaySource(recording, None, 0.5), ahead_reader(bank, recording, model)
    )
    for group, changes, what in (
        ("language", {"context": "window:3"}, "context"),
        ("lags", {"stop_s": 0.6}, "lags"),
        ("words", {"which": "content"}, "choice of words"),
    ):
        other = replace(DecoderSetup.from_bank(bank), recipe=bank.recipe.with_settings(group, **changes))
        with pytest.raises(ValueError, match=f"another {what}"):
            engine.use(other)
    engine.close()


def test_a_snapshot_survives_the_pipe(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    engine = run(
        Engine(DecoderSetup.from_bank(bank), ReplaySource(recording, None, 1.0), ahead_reader(bank, recording, model))
    )
    engine.notify(Notice("warning", "gap", "a gap of 2 s", 12.0))
    sent = snapshot_of(engine, 7, snapshot.Work(load=0.4))
    received = snapshot.from_message(wire.read(as_stream(wire.pack(snapshot.to_message(sent)))))
    assert received.peaks == sent.peaks
    assert received.temporal == sent.temporal
    assert received.words == sent.words
    assert received.notices == sent.notices
    assert np.array_equal(received.r, sent.r)
    assert received.n_scored == engine.ledger.n_scored


def test_a_snapshot_counts_the_words_of_its_scores(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    engine = run(
        Engine(DecoderSetup.from_bank(bank), ReplaySource(recording, None, 1.0), ahead_reader(bank, recording, model))
    )
    n = engine.scoreboard.n
    for last, shown in ((None, n), (n + 50, n), (100, 100)):
        engine.last_words = last
        assert snapshot_of(engine, 1, snapshot.Work()).n_words == shown


def test_joined_recordings_give_the_numbers_of_evaluate(bank: DecoderBank, tmp_path: Path) -> None:
    (a, model), (b, more) = world(n_words=120, seed=6, prefix="a"), world(n_words=120, seed=7, prefix="b")
    model.table |= more.table
    both = ConcatenatedRecording([a, b])
    offline = evaluate(bank, [a, b], model, tmp_path / "out", QUIET, store=tmp_path / "cache")
    engine = run(Engine(DecoderSetup.from_bank(bank), ReplaySource(both, None, 1.0), ahead_reader(bank, both, model)))
    assert engine.scoreboard.n == offline["n_words"]
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 1e-5


def as_stream(data: bytes) -> Any:
    return io.BytesIO(data)


def test_a_sensor_of_another_kind_counts_as_missing(bank: DecoderBank, fresh: Any) -> None:
    sensors = (replace(fresh[0].sensors[0], kind="mag"), *fresh[0].sensors[1:])
    fitting = SensorMap.match(DecoderSetup.from_bank(bank), sensors)
    assert len(fitting.sensors) == 23
    assert fitting.differences == ("M000 is mag here and axial in the bank",)
    epoch = fitting.fill_missing(np.ones((26, 23), np.float32))
    assert np.array_equal(epoch[:, 1:], np.ones((26, 23)))
    assert np.allclose(epoch[:, 0], bank.tensors["mean_x"][:, 0])
    assert np.abs(epoch[:, 0]).min() > 0


def test_words_without_signal_are_skipped_at_the_end(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    events: list[Event] = [SignalChanged(recording.sensors, recording.sfreq), *recording.words[:5]]
    engine = run(Engine(DecoderSetup.from_bank(bank), Scripted(events), ahead_reader(bank, recording, model)))
    assert sum(engine.ledger.skipped.values()) == 5
    assert engine.ledger.n_waiting == 0


def test_a_stream_may_come_back_too_slow_for_the_bank_and_then_as_it_was(bank: DecoderBank, fresh: Any) -> None:
    """At 60 Hz nothing can be scored; the session waits, and goes on when the stream is as before."""
    recording, model = fresh
    events = as_events(recording, 250, 0)
    third = len(events) // 3
    slow = [Chunk(e.data[::5], e.start, 50.0) if isinstance(e, Chunk) else e for e in events[third : 2 * third]]
    slow_stream, as_before = (SignalChanged(recording.sensors, rate) for rate in (50.0, recording.sfreq))
    events = [*events[:third], slow_stream, *slow, as_before, *events[2 * third :]]
    engine = run(Engine(DecoderSetup.from_bank(bank), Scripted(events), ahead_reader(bank, recording, model)))
    assert engine.ledger.n_scored > 160
    assert engine.ledger.skipped["no signal that fits the bank"] > 60
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300
    assert any("50 Hz" in notice.text for notice in engine.notices)
    assert not engine.intake.refused


def test_one_bad_value_costs_the_words_around_it_alone(
    bank: DecoderBank, fresh: Any, offline: dict[str, Any], tmp_path: Path
) -> None:
    """The scores are those of evaluate, and the sums hold nothing of it."""
    recording, model = fresh
    spoilt = MemoryRecording(recording.data.copy(), recording.words)
    spoilt.data[15_000, 7] = 1e30
    engine = run(
        Engine(DecoderSetup.from_bank(bank), ReplaySource(spoilt, None, 0.1), ahead_reader(bank, spoilt, model))
    )
    again = evaluate(bank, [spoilt], model, tmp_path / "out", QUIET, store=tmp_path / "cache")
    assert engine.ledger.skipped["bad value on M007"] == again["skipped"]["bad value on M007"] > 0
    assert engine.scoreboard.n == again["n_words"] > offline["n_words"] - 15
    assert np.abs(engine.scoreboard.r() - again["r"]).max() < 1e-5
    assert np.abs(engine.scoreboard.r() - offline["r"]).max() < 0.05


def test_words_that_wait_for_the_model_outlive_a_change_of_the_stream(bank: DecoderBank, fresh: Any) -> None:
    """Their epochs were cut from the stream with all sensors, and are scored when it has one less."""
    recording, model = fresh
    fewer = SignalChanged(recording.sensors[1:], recording.sfreq)
    events = midway(recording, fewer, lambda data: data[:, 1:])
    decoding, gate = DecoderSetup.from_bank(bank), Gate()
    reader = LiveReader(lambda: waiting_for(gate, model.reader(bank.recipe.language, bank.layers)), decoding.targets)
    engine = Engine(decoding, Scripted(events), reader, EngineOptions(allow_missing=True))
    while not engine.ended:
        engine.step(0.001)
    assert engine.ledger.n_scored == 0
    gate.set()
    run(engine)
    assert engine.ledger.n_scored > 270


def waiting_for(gate: Gate, reader: Any) -> Any:
    """The reader, once the gate is open."""
    gate.wait(60)
    return reader


def test_a_word_stamped_by_another_clock_is_context_alone(bank: DecoderBank, fresh: Any) -> None:
    recording, model = fresh
    read: list[str] = []
    decoding, inner = DecoderSetup.from_bank(bank), model.reader(bank.recipe.language, bank.layers)
    reader = LiveReader(
        lambda: SimpleNamespace(read=lambda words: read.extend(words) or inner.read(words), prepare=inner.prepare),
        decoding.targets,
    )
    events = [
        SkippedWord(e, "clock") if isinstance(e, Word) and e.index == 9 else e for e in as_events(recording, 99, 0)
    ]
    engine = run(Engine(decoding, Scripted(events), reader))
    assert engine.ledger.skipped["clock"] == 1
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300
    assert read == [word.text for word in recording.words]


@pytest.mark.parametrize("what", ["target", "prediction"])
def test_numbers_that_are_not_finite_cost_their_word_alone(bank: DecoderBank, fresh: Any, what: str) -> None:
    recording, model = fresh
    decoding = DecoderSetup.from_bank(bank)
    engine = Engine(decoding, ReplaySource(recording, None, 1.0), ahead_reader(bank, recording, model))
    ready, predict = engine.ledger.ready_words, engine._decoders.predict  # type: ignore[union-attr]
    if what == "target":

        def nan(one):
            return replace(one, target=np.full_like(one.target, np.nan)) if one.word.index == 50 else one

        engine.ledger.ready_words = lambda n: [nan(one) for one in ready(n)]  # type: ignore[method-assign]
    else:
        engine._decoders = SimpleNamespace(  # type: ignore[assignment]
            predict=lambda epochs: predict(epochs) * np.where(np.arange(len(epochs)) == 0, np.inf, 1)[:, None, None]
        )
    run(engine)
    assert engine.ledger.skipped["no finite prediction or target"] > 0
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300
    assert np.isfinite(engine.scoreboard.r()).all()


class Paced:
    """A model that reads as many words as it is told to, one by one; skipped words cost as much as one, together."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.turn, self.done = inner, Semaphore(0), Semaphore(0)
        self.skipped = 0

    def read(self, words: list[str]) -> Any:
        return Reading.join([self.read_one(word) for word in words])

    def read_one(self, word: str) -> Any:
        self.turn.acquire()
        reading = self.inner.push(word)
        self.done.release()
        return reading

    def prepare(self, *_: object) -> bool:
        return False

    def skip(self, words: list[str]) -> None:
        self.turn.acquire()
        self.skipped += len(words)
        self.done.release()


def test_a_model_that_is_too_slow_never_stops_scoring(bank: DecoderBank) -> None:
    """It reads two words while five come; words that are given up are read together, as context."""
    recording, model = world(n_words=1_500, seed=5, prefix="f")
    decoding = DecoderSetup.from_bank(bank)
    paced = Paced(model.reader(bank.recipe.language, bank.layers))
    engine = Engine(decoding, Scripted([]), LiveReader(lambda: paced, decoding.targets))
    scored = []
    for event in as_events(recording, 250, 0):
        engine.handle(event)
        if isinstance(event, Word) and event.index % 5 == 0:
            for _ in range(min(2, engine.reader.backlog)):
                paced.turn.release()
                paced.done.acquire(timeout=20)
            engine._take_activations()
            engine._score()
            scored.append(engine.ledger.n_scored)
    assert max(np.diff(scored[::20])[2:]) > 0
    assert min(np.diff(scored[::20])[2:]) > 0  # in every hundred words some are scored
    assert scored[-1] > 0.3 * 1_500
    assert paced.skipped > 100
    for _ in range(3_000):
        paced.turn.release()
    run(engine)
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 1_500


def test_the_end_does_not_wait_for_a_model_that_hangs(
    bank: DecoderBank, fresh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, model = fresh
    monkeypatch.setattr("rtalign.engine.engine.FINISH_S", 0.2)
    decoding = DecoderSetup.from_bank(bank)
    paced = Paced(model.reader(bank.recipe.language, bank.layers))
    for _ in range(150):
        paced.turn.release()
    engine = Engine(decoding, Scripted(as_events(recording, 250, 0)), LiveReader(lambda: paced, decoding.targets))
    while not engine.ended:
        engine.step(0.001)
    rescue = Timer(20, lambda: [paced.turn.release() for _ in range(300)])
    rescue.start()
    assessment = engine.finish()
    rescue.cancel()
    for _ in range(300):
        paced.turn.release()
    engine.close()
    assert assessment.findings is not None
    assert engine.ledger.skipped["the session ended"] > 100
    assert engine.ledger.n_scored + sum(engine.ledger.skipped.values()) == 300


def test_a_sensor_that_dies_on_the_way_costs_seconds_and_not_the_session(bank: DecoderBank, fresh: Any) -> None:
    """From then on it has its training mean, as a sensor that was never there."""
    recording, model = fresh
    dying = MemoryRecording(recording.data.copy(), recording.words)
    dying.data[10_000:, 7] = np.nan
    without = MemoryRecording(np.delete(recording.data, 7, axis=1), recording.words)
    without.sensors = tuple(sensor for sensor in recording.sensors if sensor.name != "M007")
    engine, other = (
        run(
            Engine(
                DecoderSetup.from_bank(bank),
                ReplaySource(one, None, 0.1),
                ahead_reader(bank, one, model),
                EngineOptions(allow_missing=allowed),
            )
        )
        for one, allowed in ((dying, False), (without, True))
    )
    assert 3 <= engine.ledger.skipped["bad value on M007"] <= 30
    assert engine.ledger.n_scored > other.ledger.n_scored - 30
    late = [entry.word.index for entry in engine.ledger.recent if entry.status == "scored"][-100:]
    assert late[-1] == [entry.word.index for entry in other.ledger.recent if entry.status == "scored"][-1]
    for index in late:
        mine, theirs = engine.scoreboard.word_map(index), other.scoreboard.word_map(index)
        assert mine is not None
        assert theirs is not None
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.95
    assert any("M007 gave nothing usable" in notice.text for notice in engine.notices)
