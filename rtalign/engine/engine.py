"""The engine of a session: takes the events of a source and scores words as soon as they are complete."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

import numpy as np

from rtalign.core.records import Annotation, BadMark, BadStretch, Chunk, Epoch, SkippedWord, Word
from rtalign.decoding.adaptation import AdaptationThread
from rtalign.decoding.bank import LagDecoders
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.decoding.training_overlap import TrainingOverlap
from rtalign.engine.head_watch import HeadWatch
from rtalign.engine.intake import Intake
from rtalign.engine.ledger import N_RECENT, TOO_SLOW, Ledger, ReadyWord, WordEntry
from rtalign.engine.live_controls import LiveControls
from rtalign.language import BackgroundReader
from rtalign.scoring.assessor import Assessment, Assessor
from rtalign.scoring.findings import THESE_DECODERS
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.scoring.unique_board import UniqueBoard
from rtalign.streams.events import Event, HeadLocalised, Notice, SignalChanged, Source, SourceEnded, SourceJumped

BATCH = 16
"""Words predicted at once: decoders of all layers and lags are read from memory once a batch."""
CALM_BACKLOG = 8
"""Words waiting for the language model beyond which assessment, and at twice as many adaptation, is put off."""
MAX_AHEAD = 100
"""Words with a complete epoch at which an engine lets a source that can wait do so, for the language model."""
N_LATENCIES = 2000
"""Newest words whose latency is kept."""
FINISH_S = 10.0
"""How long the end of a session waits for the language model; words that it has not read by then are skipped."""
PATIENT_FINISH_S = 45.0
"""The same where the source can wait; less than the time after which a viewer kills an engine that does not end."""
NO_DECODERS = "learned from before there were decoders"
NOT_FINITE = "no finite prediction or target"

Publisher = Callable[[float, np.ndarray, str], None]


class SessionSink:
    """Where a session is written to; every call returns at once.  This one writes nothing."""

    def write_word(self, entry: WordEntry) -> None: ...
    def write_scores(self, assessment: Assessment) -> None: ...
    def write_mark(self, mark: BadMark, taken_back: bool = False) -> None: ...
    def log(self, event: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine works.

    Attributes
    ----------
    allow_missing : bool
        Go on where sensors of the bank are not in the stream.
    adapt : bool
        Learn from each word after it has been scored.
    last_words : int or None
        Base scores on the newest so many words alone; None: on all.
    can_wait : bool
        The source waits when it is not polled, as a recording does; then no word is skipped for lack of time, and
        nothing is put off.
    skip_reason : callable or None
        Says of a word why it is not scored, or nothing; None: every word is.  The language model reads all of them as
        context.
    stories : tuple of int
        Indices of the first words of a recording's stories; empty for live streams.
    """

    allow_missing: bool = False
    adapt: bool = False
    last_words: int | None = None
    can_wait: bool = False
    skip_reason: Callable[[Word], str] | None = None
    stories: tuple[int, ...] = ()


class Engine:
    """Scores the words of a source against the signal around them.

    One thread owns it and calls `step` for as long as the session goes on.

    When the machine cannot keep up, work is put off in this order: assessment, then adaptation; then words are skipped
    (their MEG is recorded all the same) once the language model is hundreds of words behind.  `shedding` says which.

    Parameters
    ----------
    decoding : DecoderSetup
        What is decoded, and with which decoders.
    source : Source
        Where samples and words come from.
    reader : BackgroundReader
        The language model, on a thread of its own.
    options : EngineOptions
        How to work.
    sink : SessionSink or None
        Where the session is written to; None: nowhere.

    Attributes
    ----------
    scoreboard : Scoreboard
        The sums from which R(layer, lag) is computed.
    controls : LiveControls or None
        Unique R and the static twin; None where the bank was trained without controls.
    ledger : Ledger
        What became of each word.
    intake : Intake
        The current stream and how it fits the bank.
    ended : bool
        Whether the source has ended.
    failure : str or None
        Why the language model stopped; None while it runs.
    notices : deque of Notice
        What the user should know, the newest last.
    latencies_s, reading_s : deque of float
        Of the newest words: from the last sample that a word needed to its score; how long it took to read it.
    shedding : str or None
        What is put off for lack of time.
    n_solved : int
        How often decoders were solved from this session's words.
    training_overlap : TrainingOverlap
        Whether the bank was trained on what it is scored on, as far as that can be known.
    head : HeadWatch
        How far the head is from where it was in training.
    annotations : tuple of Annotation
        What the operator wrote.
    inspected : int or None
        Index of the word whose own scores are asked for.
    epoch_power : dict of int to ndarray, shape (lag,)
        How strong the field was at each lag of the newest words.
    publish : callable or None
        Called with the onset of the newest word, R(layer, lag) and "" after each batch; after each assessment also with
        R of each control and its name.
    """

    def __init__(
        self,
        decoding: DecoderSetup,
        source: Source,
        reader: BackgroundReader,
        options: EngineOptions | None = None,
        sink: SessionSink | None = None,
    ) -> None:
        self._options = options or EngineOptions()
        self.decoding, self.source, self.reader = decoding, source, reader
        self.intake, self.ledger = Intake(self._options.allow_missing), Ledger()
        self.last_words, self.ended, self.n_solved = self._options.last_words, False, 0
        self.shedding: str | None = None
        self.failure: str | None = None
        self.notices: deque[Notice] = deque(maxlen=200)
        self.latencies_s: deque[float] = deque(maxlen=N_LATENCIES)
        self.reading_s: deque[float] = deque(maxlen=200)
        self.publish: Publisher | None = None
        self._newest_onset: float | None = None
        self._sink = sink or SessionSink()
        self._arrived = monotonic()
        self._decoders = LagDecoders.from_bank(decoding.bank) if decoding.bank else None
        self._adaptation: AdaptationThread | None = None
        self._assessor = Assessor(self.decoding.recipe.fit.peak)
        self.training_overlap = TrainingOverlap.find(decoding.bank.passport if decoding.bank else None, ())
        self.head = HeadWatch(decoding.bank.passport if decoding.bank else None)
        self.scoreboard = self._new_scoreboard()
        self.controls = self._new_controls()
        self.annotations: tuple[Annotation, ...] = ()
        self.inspected: int | None = None
        self.epoch_power: OrderedDict[int, np.ndarray] = OrderedDict()
        self._r: tuple[tuple[int, int | None], np.ndarray | None] = (0, None), None

    @property
    def assessment(self) -> Assessment:
        """The newest peaks, bands and scores; what the bank was trained on is no evidence of anything."""
        newest, warning = self._assessor.newest, self.training_overlap.warning
        return newest.without_evidence(warning) if warning else newest

    @property
    def r(self) -> np.ndarray | None:
        """R, shape (layer, lag), computed once for each word; None before there are two words."""
        key = self.scoreboard.n, self.last_words
        if key != self._r[0]:
            self._r = key, self.scoreboard.r(self.last_words)
        return self._r[1] if self.scoreboard.n > 1 else None

    def step(self, timeout_s: float = 0.02) -> None:
        """Handle the events that have come and do the work that is due; waits at most `timeout_s` for an event."""
        if self._options.can_wait and (self._adapting or self.ledger.n_epochs >= MAX_AHEAD):
            sleep(timeout_s)
        else:
            for event in self.source.poll(timeout_s):
                self.handle(event)
        self._take_activations()
        self._score()
        self._work_in_background()

    def handle(self, event: Event) -> None:
        """Take in one event of the source."""
        match event:
            case Chunk():
                self._add_chunk(event)
            case Word():
                self._add_word(event)
            case SkippedWord():
                self._add_word(event.word, event.reason)
            case BadStretch():
                self.intake.mark_bad(event)
            case HeadLocalised():
                for line in self.head.push(event.position):
                    self.notify(Notice("warning", "head", line, event.time))
            case Notice():
                self.notify(event)
            case SignalChanged():
                self._start_stream(event)
            case SourceJumped():
                self._restart_stream()
            case SourceEnded():
                self._end_stream()

    def notify(self, notice: Notice) -> None:
        """Show the user a notice, and log it."""
        self.notices.append(notice)
        self._sink.log({"level": notice.level, "kind": notice.kind, "text": notice.text, "at": notice.time})

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Keep what the operator wrote, and log what is new of it."""
        for new in set(annotations) - set(self.annotations):
            self._sink.log({"event": "annotation", "text": new.text, "at": new.time})
        self.annotations = tuple(annotations)

    def reset(self) -> None:
        """Begin the scores anew; the language model keeps its context.  Words that a seek brings back count again."""
        self.ledger.reset()
        self.scoreboard = self._new_scoreboard()
        if self.controls:
            self.controls.reset()
        self._assessor.forget("reset: no word has been scored yet")

    def use(self, decoding: DecoderSetup) -> None:
        """Go on with another bank; scores begin anew, the language model keeps its context.

        Raises
        ------
        ValueError
            Where the bank is of another model, context, layers, lags or choice of words than the one in use, or is to
            learn and is slim.
        """
        if difference := self.decoding.difference(decoding):
            raise ValueError(f"that bank has another {difference} than the one in use - begin a new session with it")
        if decoding.bank and self._options.adapt:
            decoding.bank.require_sums("learning on the way")
        decoders = LagDecoders.from_bank(decoding.bank) if decoding.bank else None
        self._skip_waiting("the bank was changed")
        if self._adaptation:
            self._adaptation.close()
            self._adaptation = None
        if not self.decoding.nuisances:
            decoding = replace(decoding, nuisances=None)  # the reader does not read what they need
        self.decoding, self._decoders = decoding, decoders
        self.controls = self._new_controls()
        self.head = HeadWatch(decoding.bank.passport if decoding.bank else None)
        self.reader.set_targets(decoding.targets)
        self.reset()
        if self.intake.stream:
            self._start_stream(self.intake.stream)

    def ignore_missing_sensors(self) -> None:
        """Go on with those sensors of the bank that the stream has."""
        self.intake.allow_missing = True
        if self.intake.stream and self.intake.refused:
            self._start_stream(self.intake.stream)

    def mark(self, mark: BadMark) -> None:
        """Call the signal or a sensor bad; words that are scored already stay as they are.

        Raises
        ------
        ValueError
            Where the stream has no such sensor, or the mark ends before it begins.
        """
        if mark.sensor and mark.sensor not in (self.intake.fitting.names if self.intake.fitting else ()):
            raise ValueError(f"there is no sensor called {mark.sensor}")
        self.intake.marks.put(mark)
        self._sink.write_mark(mark)

    def take_back_mark(self, start: float, sensor: str) -> None:
        """Take a mark back; LookupError where there is none."""
        self._sink.write_mark(self.intake.marks.remove(start, sensor), taken_back=True)

    def carry_marks(self, lasting: Sequence[BadMark]) -> None:
        """A folder is written to: what lasts in it holds here too, and the marks that were made before go there."""
        for mark in self.intake.marks.all:
            self._sink.write_mark(mark)
        self.intake.marks.restore(lasting)

    def finish(self) -> Assessment:
        """Wait for the language model, but not for long; score what is left, and assess everything once more."""
        self._end_stream()
        until = monotonic() + (PATIENT_FINISH_S if self._options.can_wait else FINISH_S)
        while self.ledger.n_epochs and (self.reader.backlog or self._adapting) and monotonic() < until:
            self._take_activations()
            self._score()
            self._adapt()
            sleep(0.005)
        self._score()
        self._skip_waiting("the session ended")
        self._step_controls(at_end=True)
        self._assessor.now(self.scoreboard, self.last_words, self._unique)
        self._write_scores()
        return self.assessment

    def close(self) -> None:
        """Stop all threads and close the source."""
        if self._adaptation:
            self._adaptation.close()
        self._assessor.close()
        self.reader.close()
        self.source.close()

    # What comes in

    def _start_stream(self, stream: SignalChanged) -> None:
        self._add_epochs(self.intake.finish())
        self._compare_training_data(stream)
        for notice in self.intake.start(self.decoding, stream, monotonic()):
            self.notify(notice)
        if self._options.adapt and self._adaptation is None and self.intake.is_open and self.intake.fitting:
            self.decoding = replace(self.decoding, sensors=self.decoding.sensors or self.intake.fitting.sensors)
            self._adaptation = AdaptationThread.from_setup(self.decoding)

    def _compare_training_data(self, stream: SignalChanged) -> None:
        bank = self.decoding.bank
        self.training_overlap = TrainingOverlap.find(bank.passport if bank else None, stream.origin)
        if warning := self.training_overlap.warning:
            self.notify(Notice("warning", "training-data", warning, monotonic()))
        if self.scoreboard.decoders is None:
            self.notify(Notice("info", "intervals", THESE_DECODERS, monotonic()))

    def _restart_stream(self) -> None:
        self.intake.restart(self.decoding)
        self.ledger.drop_waiting()
        if self.controls:
            self.controls.restart()
        self.reader.restart()
        self.ended = False

    def _end_stream(self) -> None:
        self._add_epochs(self.intake.finish())
        self.ended = True

    def _add_chunk(self, chunk: Chunk) -> None:
        if self.intake.is_open:
            self._arrived = monotonic() - self.source.age(chunk.end)
            self._add_epochs(self.intake.add_chunk(chunk))
            for notice in self.intake.take_notices(monotonic()):
                self.notify(notice)

    def _add_word(self, word: Word, not_scored: str = "") -> None:
        """The language model reads every word, scored or not: all of them are context."""
        if not self.ledger.add_word(word):
            return
        self._arrived = monotonic()
        if self.failure is not None:
            self._add_epochs([SkippedWord(word, "the language model stopped")])
            return
        self.reader.push(word)
        unwanted = self._options.skip_reason(word) if self._options.skip_reason else ""
        if reason := not_scored or unwanted:
            self._sink.write_word(self.ledger.mark_skipped(word, reason))
        else:
            self._add_epochs(self.intake.add_word(word))

    def _add_epochs(self, epochs: Sequence[Epoch | SkippedWord]) -> None:
        """An epoch is complete since its last samples arrived, or since its word came, whichever was later."""
        for epoch in epochs:
            for entry in self.ledger.add_epoch(epoch, self._arrived):
                self._sink.write_word(entry)
                if entry.reason == TOO_SLOW:
                    self.reader.give_up(entry.word)

    def _skip_waiting(self, reason: str, unread_only: bool = False) -> None:
        for entry in self.ledger.skip_waiting(reason, unread_only):
            self._sink.write_word(entry)

    # What is done with it

    def _take_activations(self) -> None:
        """A language model that fails costs its own words alone: the signal and the scores so far are kept."""
        if self.failure is not None:
            return
        try:
            for encoded in self.reader.pull():
                self.reading_s.append(encoded.seconds)
                target, static = self.decoding.split(encoded.target)
                self.ledger.add_activations(replace(encoded, target=target))
                if self.controls:
                    self.controls.add_reading(encoded, static)
        except Exception as error:  # raised on the model's thread; MEG, recording and scores go on
            self.failure = f"the language model stopped: {error}"
            self.notify(Notice("error", "language", f"{self.failure} - the recording goes on", monotonic()))
            self._skip_waiting("the language model stopped", unread_only=True)

    def _score(self) -> None:
        """An engine that can wait and adapts scores word by word and waits for its decoders: the same every time."""
        waits = self._options.can_wait and self._adaptation is not None
        while not (waits and self._adapting) and (words := self.ledger.ready_words(1 if waits else BATCH)):
            self._score_batch(words)
            if waits:
                self._adapt()

    def _score_batch(self, words: Sequence[ReadyWord]) -> None:
        epochs = np.stack([ready.epoch for ready in words])
        predicted = self._decoders.predict(epochs) if self._decoders else None
        for i, ready in enumerate(words):
            if (
                not np.isfinite(ready.target).all()
                or not np.isfinite(epochs[i] if predicted is None else predicted[i]).all()
            ):
                self._sink.write_word(self.ledger.mark_skipped(ready.word, NOT_FINITE))
                continue
            if predicted is None:
                self._sink.write_word(self.ledger.mark_skipped(ready.word, NO_DECODERS))
            else:
                self.scoreboard.add(ready.word.index, predicted[i], ready.target)
                if self.controls:
                    self.controls.add_score(ready.word.index, predicted[i], ready.target)
                self.latencies_s.append(monotonic() - ready.complete_at)
                self._sink.write_word(self.ledger.mark_scored(ready.word, self.latencies_s[-1]))
            self._keep_power(ready.word.index, epochs[i])
            if self._adaptation:  # after the score: no word is scored by decoders that have learned from it
                self._adaptation.add(epochs[i], ready.target)
        self._newest_onset = words[-1].word.onset
        if self.publish and (r := self.r) is not None:
            self.publish(self._newest_onset, r, "")

    def _keep_power(self, index: int, epoch: np.ndarray) -> None:
        self.epoch_power[index] = epoch.std(axis=1)
        if len(self.epoch_power) > N_RECENT:
            self.epoch_power.popitem(last=False)

    def _work_in_background(self) -> None:
        """Assessment and adaptation, on threads of their own, when the language model leaves time for them."""
        backlog = self.reader.backlog
        self.shedding = None
        if backlog > CALM_BACKLOG:
            self.shedding = "curves wait for the language model"
        if backlog > 2 * CALM_BACKLOG:
            self.shedding = "curves and adaptation wait for the language model"
        self._step_controls()
        if self._assessor.step(self.scoreboard, self.last_words, self.shedding is None, self._unique):
            self._write_scores()
        self._adapt(backlog <= 2 * CALM_BACKLOG or self._options.can_wait)

    @property
    def _unique(self) -> UniqueBoard | None:
        return self.controls.board if self.controls else None

    def _step_controls(self, at_end: bool = False) -> None:
        if self.controls:
            self.controls.step(at_end)

    @property
    def _adapting(self) -> bool:
        return self._adaptation is not None and self._adaptation.running

    def _adapt(self, may_begin: bool = True) -> None:
        if self._adaptation and (decoders := self._adaptation.poll(may_begin)) is not None:
            self._decoders, self.n_solved = decoders, self.n_solved + 1

    def _write_scores(self) -> None:
        assessment = self.assessment
        if assessment.findings is None:
            return
        self._sink.write_scores(assessment)
        for name, control in assessment.controls.items():
            if self.publish and self._newest_onset is not None and control.findings is not None:
                self.publish(self._newest_onset, control.findings.curves.r, name)

    def _new_scoreboard(self) -> Scoreboard:
        d = self.decoding
        error = d.bank.error if d.bank else None
        return Scoreboard(d.lags_s, d.layers, d.n_layers, d.projection.components, decoders=error)

    def _new_controls(self) -> LiveControls | None:
        d = self.decoding
        return LiveControls(d.nuisances, d, self._options.stories) if d.nuisances else None
