"""The engine: takes what a source hands out, scores words as they become whole, and says how things stand."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rtalign.adaptation import Adapter, Decoders
from rtalign.curves import Curves, Findings, assess
from rtalign.data import Chunk, Epoch, Skipped, Word
from rtalign.decoding import Decoding, Fitting
from rtalign.language.following import Following
from rtalign.ledger import Entry, Ledger, Pair
from rtalign.pipeline import Pipeline
from rtalign.scoreboard import Scoreboard
from rtalign.sources.events import Changed, Ended, Event, Moved, Notice, Offset, Raw, RawText, Source

BATCH = 16
"""Words predicted at once: decoders of all layers and lags are read from memory once a batch."""
ASSESS_S = 2.0
"""Peaks, bands and the temporal score are worked out anew so often."""
CALM_WORDS = 8
"""Words waiting for the language model from which assessment, and then adaptation, wait for it to catch up."""
MOST_AHEAD = 100
"""Words with their signal whole from which a patient engine lets its source wait for the language model."""
LATENCIES = 2000
"""Newest words of which it is kept how long their scores took."""
UNSCORED = "learned from before there were decoders"


class Sink(Protocol):
    """Where a session is kept; every call returns at once."""

    def raw(self, raw: Raw) -> None: ...
    def text(self, text: RawText) -> None: ...
    def offset(self, offset: Offset) -> None: ...
    def changed(self, changed: Changed) -> None: ...
    def word(self, entry: Entry) -> None: ...
    def scores(self, n_words: int, findings: Findings) -> None: ...
    def log(self, event: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What is known after n_words; findings is None while nothing can be said, and then why says so."""

    n_words: int
    findings: Findings | None
    why: str | None


class Engine:
    """Owned by one thread, which calls step for as long as it wants to go on.

    patient : the source can wait, as a recording can; nothing is then ever skipped or put off for lack of time.

    Shedding, when the machine cannot keep up, goes in this order: assessment is put off, then adaptation, then words
    are skipped (their MEG is kept) once the language model is hundreds of them behind.  `shedding` says which.
    """

    def __init__(
        self,
        decoding: Decoding,
        source: Source,
        following: Following,
        *,
        allow_missing: bool = False,
        adapt: bool = False,
        last_words: int | None = None,
        patient: bool = False,
        sink: Sink | None = None,
        publish: Callable[[float, np.ndarray], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.decoding, self.source, self.following = decoding, source, following
        self.ledger = Ledger()
        self.last_words = last_words
        self.refused: tuple[str, ...] = ()
        self.ended = False
        self.shedding: str | None = None
        self.n_solved = 0
        self.assessment = Assessment(0, None, "no word has been scored yet")
        self.notices: deque[Notice] = deque(maxlen=200)
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self.language_s: deque[float] = deque(maxlen=200)
        self._patient = patient
        self._allow_missing, self._adapt, self._sink, self._publish = allow_missing, adapt, sink, publish
        self._clock = clock
        self._pipeline: Pipeline | None = None
        self._fitting: Fitting | None = None
        self._sfreq = self._time_s = 0.0
        self._arrived = clock()
        # Of a live source, how long ago a time was: samples may have waited in a buffer before they were polled.
        self._age: Callable[[float], float] = getattr(source, "age", lambda _: 0.0)
        self._decoders = Decoders.of(decoding.bank) if decoding.bank else None
        self._adapter: Adapter | None = None
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="assess")
        self._assessing: Future[Assessment] | None = None
        self._solving: Future[Decoders | None] | None = None
        self._assess_at, self._stop_solving = 0.0, False
        self.scoreboard = self._new_scoreboard()
        self._r: tuple[tuple[int, int | None], np.ndarray | None] = (0, None), None

    @property
    def fitting(self) -> Fitting | None:
        """How the stream's sensors meet the bank's; None before the stream is known."""
        return self._fitting

    @property
    def time_s(self) -> float:
        """Signal time up to which samples have come."""
        return self._time_s

    @property
    def r(self) -> np.ndarray | None:
        """(layer, lag) as it stands, worked out once for each word; None before there are two words."""
        key = self.scoreboard.n, self.last_words
        if key != self._r[0]:
            self._r = key, self.scoreboard.r(self.last_words)
        return self._r[1] if self.scoreboard.n > 1 else None

    @property
    def breaks(self) -> list[tuple[float, str]]:
        return list(self._pipeline.chain.breaks) if self._pipeline else []

    def step(self, timeout_s: float = 0.02) -> None:
        """Take what has come, and do what can be done with it."""
        if self._patient and (self._solving or self.ledger.n_whole >= MOST_AHEAD):
            time.sleep(timeout_s)
        else:
            for event in self.source.poll(timeout_s):
                self.take(event)
        self._understand()
        self._score()
        self._background()

    def take(self, event: Event) -> None:
        match event:
            case Chunk():
                self._signal(event)
            case Word():
                self._word(event)
            case Raw():
                self._keep("raw", event)
            case RawText():
                self._keep("text", event)
            case Offset():
                self._keep("offset", event)
            case Notice():
                self.say(event)
            case Changed():
                self._begin(event)
            case Moved():
                self._move()
            case Ended():
                self._end()

    def say(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._keep("log", {"level": notice.level, "kind": notice.kind, "text": notice.text, "at": notice.time})

    def reset(self) -> None:
        """Scores begin anew; the language model keeps its context."""
        self.scoreboard = self._new_scoreboard()
        self.assessment = Assessment(0, None, "reset: no word has been scored yet")

    def finish(self) -> Assessment:
        """Wait for the language model, score what is left, and assess everything once more."""
        self._end()
        while self.ledger.n_whole and (self.following.backlog or self._solving):
            self._understand()
            self._score()
            self._adapt_on(0)
            time.sleep(0.005)
        self._score()
        for entry in self.ledger.give_up("the session ended"):
            self._closed(entry)
        if self._assessing:
            self._assessing.result()
            self._assessing = None
        self._assessed(_assess(self.scoreboard.freeze(), self.last_words))
        return self.assessment

    def close(self) -> None:
        self._stop_solving = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.following.close()
        self.source.close()

    # What comes in

    def _begin(self, changed: Changed) -> None:
        self._keep("changed", changed)
        fitting = Fitting.of(self.decoding, changed.sensors)
        self._flush()
        if (fitting.differences and not self._allow_missing) or not fitting.sensors:
            self._pipeline, self.refused = None, fitting.differences or ("the stream has no sensor of the bank",)
            cure = "give the bank that fits this machine, or pass --allow-missing to do without"
            self.say(Notice("error", "passport", f"{'; '.join(self.refused)} - {cure}", self._clock()))
            return
        self._fitting, self.refused = fitting, ()
        for difference in fitting.differences:
            self.say(Notice("warning", "passport", f"{difference}; done without, as asked", self._clock()))
        self._sfreq = changed.sfreq
        self._pipeline = Pipeline(self.decoding.recipe, fitting.sensors, changed.sfreq)
        if self._adapt and self._adapter is None:
            self._adapter = self._new_adapter(len(self.decoding.sensors or fitting.sensors))

    def _move(self) -> None:
        if self._pipeline and self._fitting:
            self._pipeline = Pipeline(self.decoding.recipe, self._fitting.sensors, self._sfreq)
        self.ledger.forget_waiting()
        self.following.restart()
        self.ended = False

    def _signal(self, chunk: Chunk) -> None:
        if self._pipeline is None or self._fitting is None:
            return
        self._time_s = chunk.end
        self._arrived = self._clock() - self._age(chunk.end)
        columns = self._fitting.columns
        data = chunk.data if _is_identity(columns, chunk.data.shape[1]) else chunk.data[:, columns]
        self._measured(self._pipeline.push(Chunk(data, chunk.start, chunk.sfreq)))

    def _word(self, word: Word) -> None:
        """The language model reads every word, scored or not: all of them are context."""
        if not self.ledger.hear(word):
            return
        self._arrived = self._clock()
        self.following.push(word)
        if self._pipeline is None:
            self._measured([Skipped(word, "no signal that fits the bank")])
        else:
            self._measured(self._pipeline.push(word))

    def _end(self) -> None:
        self._flush()
        self.ended = True

    def _flush(self) -> None:
        if self._pipeline:
            self._measured(self._pipeline.finish())

    def _measured(self, found: Sequence[Epoch | Skipped]) -> None:
        """An epoch is whole since the samples behind it arrived, or since its word came, whichever was later."""
        for item in found:
            for entry in self.ledger.measure(item, self._arrived):
                self._closed(entry)

    # What goes on with it

    def _understand(self) -> None:
        for found in self.following.pull():
            self.language_s.append(found.seconds)
            self.ledger.understand(found)

    def _score(self) -> None:
        """A patient engine that adapts goes word by word and waits for its lessons: the same every time."""
        waits = self._patient and self._adapter is not None
        while not (waits and self._solving) and (pairs := self.ledger.pairs(1 if waits else BATCH)):
            self._score_batch(pairs)
            if waits:
                self._adapt_on(0)

    def _score_batch(self, pairs: Sequence[Pair]) -> None:
        assert self._fitting is not None
        epochs = np.stack([self._fitting.whole(pair.epoch) for pair in pairs])
        predicted = self._decoders.predict_many(epochs) if self._decoders else None
        for i, pair in enumerate(pairs):
            if predicted is None:
                self._closed(self.ledger.skip(pair.word, UNSCORED))
            else:
                self.scoreboard.add(pair.word.index, predicted[i], pair.target)
                self.latencies_s.append(self._clock() - pair.arrived)
                self._closed(self.ledger.score(pair.word, self.latencies_s[-1]))
            if self._adapter:  # after the score: no word is scored by decoders that have learned from it
                self._adapter.add(epochs[i], pair.target)
        if self._publish and (r := self.r) is not None:
            self._publish(pairs[-1].word.onset, r)

    def _background(self) -> None:
        """Assessment and adaptation, in threads of their own, when the language model leaves room for them."""
        behind = self.following.backlog
        self.shedding = None
        if behind > CALM_WORDS:
            self.shedding = "curves wait for the language model"
        if behind > 2 * CALM_WORDS:
            self.shedding = "curves and adaptation wait for the language model"
        if self._assessing and self._assessing.done():
            self._assessed(self._assessing.result())
            self._assessing = None
        if not self._assessing and not self.shedding and self._due():
            frozen, last = self.scoreboard.freeze(), self.last_words
            self._assess_at = self._clock()
            self._assessing = self._pool.submit(_assess, frozen, last)
        self._adapt_on(behind)

    def _due(self) -> bool:
        new = self.scoreboard.n > self.assessment.n_words
        return new and self._clock() - self._assess_at > ASSESS_S

    def _adapt_on(self, behind: int) -> None:
        if self._adapter is None:
            return
        if self._solving and self._solving.done():
            solved, self._solving = self._solving.result(), None
            if solved is not None:
                self._decoders, self.n_solved = solved, self.n_solved + 1
        if self._solving is None and behind <= 2 * CALM_WORDS and self._adapter.due:
            self._solving = self._pool.submit(self._adapter.freeze().solve, lambda: self._stop_solving)

    def _assessed(self, assessment: Assessment) -> None:
        self.assessment = assessment
        if assessment.findings is not None and self._sink:
            self._sink.scores(assessment.n_words, assessment.findings)

    def _closed(self, entry: Entry) -> None:
        self._keep("word", entry)

    def _keep(self, what: str, item: Any) -> None:
        if self._sink is not None:
            getattr(self._sink, what)(item)

    def _new_scoreboard(self) -> Scoreboard:
        d = self.decoding
        return Scoreboard(d.lags_s, d.layers, d.n_layers, d.projection.components)

    def _new_adapter(self, n_sensors: int) -> Adapter:
        d = self.decoding
        return Adapter(d.recipe, len(d.layers) * d.projection.components, n_sensors, d.bank)


def _assess(board: Any, last: int | None) -> Assessment:
    curves: Curves | None = board.curves(last)
    if curves is None:
        return Assessment(board.n, None, board.why)
    return Assessment(board.n, assess(curves), None)


def _is_identity(columns: np.ndarray, n: int) -> bool:
    return len(columns) == n and bool((columns == np.arange(n)).all())
