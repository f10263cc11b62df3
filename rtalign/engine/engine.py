"""The engine: takes what a source hands out, scores words as they become whole, and says how things stand."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Protocol

import numpy as np

from rtalign.core.records import Chunk, Epoch, SkippedWord, Word
from rtalign.decoding.adaptation import AdaptationThread
from rtalign.decoding.bank import LagDecoders
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.intake import Intake
from rtalign.engine.ledger import RECENT, Entry, Ledger, Pair
from rtalign.language import BackgroundReader
from rtalign.scoring.assessor import Assessment, Assessor
from rtalign.scoring.findings import Findings
from rtalign.scoring.scoreboard import Scoreboard
from rtalign.streams.events import Changed, Ended, Event, Moved, Notice, Offset, Raw, RawText, Source


class Sink(Protocol):
    """Where a session is kept; every call returns at once."""

    def raw(self, raw: Raw) -> None: ...
    def text(self, text: RawText) -> None: ...
    def offset(self, offset: Offset) -> None: ...
    def changed(self, changed: Changed) -> None: ...
    def word(self, entry: Entry) -> None: ...
    def scores(self, n_words: int, findings: Findings) -> None: ...
    def log(self, event: Mapping[str, Any]) -> None: ...


BATCH = 16
"""Words predicted at once: decoders of all layers and lags are read from memory once a batch."""
CALM_WORDS = 8
"""Words waiting for the language model from which assessment, and then adaptation, wait for it to catch up."""
MOST_AHEAD = 100
"""Words with their signal whole from which a patient engine lets its source wait for the language model."""
LATENCIES = 2000
"""Newest words of which it is kept how long their scores took."""
UNSCORED = "learned from before there were decoders"


class Engine:
    """Owned by one thread, which calls step for as long as it wants to go on.

    chosen : which words are scored; all of them are context.
    patient : the source can wait, as a recording can; nothing is then ever skipped or put off for lack of time.

    Shedding, when the machine cannot keep up, goes in this order: assessment is put off, then adaptation, then words
    are skipped (their MEG is kept) once the language model is hundreds of them behind.  `shedding` says which.
    """

    def __init__(
        self,
        decoding: DecoderSetup,
        source: Source,
        following: BackgroundReader,
        *,
        allow_missing: bool = False,
        adapt: bool = False,
        last_words: int | None = None,
        patient: bool = False,
        sink: Sink | None = None,
        chosen: Callable[[Word], bool] | None = None,
    ) -> None:
        self.decoding, self.source, self.following = decoding, source, following
        self.intake, self.ledger = Intake(allow_missing), Ledger()
        self.last_words, self.ended, self.n_solved = last_words, False, 0
        self.shedding: str | None = None
        self.failure: str | None = None
        self.notices: deque[Notice] = deque(maxlen=200)
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self.language_s: deque[float] = deque(maxlen=200)
        self.publish: Callable[[float, np.ndarray], None] | None = None
        self._patient, self._adapt, self._sink, self._chosen = patient, adapt, sink, chosen
        self._arrived = monotonic()
        self._decoders = LagDecoders.from_bank(decoding.bank) if decoding.bank else None
        self._adaptation: AdaptationThread | None = None
        self._assessor = Assessor()
        self.scoreboard = self._new_scoreboard()
        self.inspected: int | None = None
        self.power: OrderedDict[int, np.ndarray] = OrderedDict()
        self._r: tuple[tuple[int, int | None], np.ndarray | None] = (0, None), None

    @property
    def assessment(self) -> Assessment:
        """The newest of peaks, bands and scores."""
        return self._assessor.newest

    @property
    def r(self) -> np.ndarray | None:
        """(layer, lag) as it stands, worked out once for each word; None before there are two words."""
        key = self.scoreboard.n, self.last_words
        if key != self._r[0]:
            self._r = key, self.scoreboard.r(self.last_words)
        return self._r[1] if self.scoreboard.n > 1 else None

    def step(self, timeout_s: float = 0.02) -> None:
        """Take what has come, and do what can be done with it."""
        if self._patient and (self._learning or self.ledger.n_whole >= MOST_AHEAD):
            sleep(timeout_s)
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
                self._keep("changed", event)
                self._begin(event)
            case Moved():
                self._move()
            case Ended():
                self._end()

    def say(self, notice: Notice) -> None:
        self.notices.append(notice)
        self._keep("log", {"level": notice.level, "kind": notice.kind, "text": notice.text, "at": notice.time})

    def reset(self) -> None:
        """Scores begin anew; the language model keeps its context.  Words that a seek brings back count again."""
        self.ledger.begin_anew()
        self.scoreboard = self._new_scoreboard()
        self._assessor.forget("reset: no word has been scored yet")

    def switch(self, decoding: DecoderSetup) -> None:
        """Go on with another bank of the same model, context and layers; scores begin anew, the context is kept."""
        if what := self.decoding.difference(decoding):
            raise ValueError(f"that bank has another {what} than the one in use - begin a new session with it")
        for entry in self.ledger.give_up("the bank was changed"):
            self._keep("word", entry)
        if self._adaptation:
            self._adaptation.close()
            self._adaptation = None
        self.decoding, self._decoders = decoding, LagDecoders.from_bank(decoding.bank) if decoding.bank else None
        self.following.set_targets(decoding.targets)
        self.reset()
        if self.intake.stream:
            self._begin(self.intake.stream)

    def do_without(self) -> None:
        """Go on with those sensors of the bank that are there."""
        self.intake.allow_missing = True
        if self.intake.stream and self.intake.refused:
            self._begin(self.intake.stream)

    def finish(self) -> Assessment:
        """Wait for the language model, score what is left, and assess everything once more."""
        self._end()
        while self.ledger.n_whole and (self.following.backlog or self._learning):
            self._understand()
            self._score()
            self._learn()
            sleep(0.005)
        self._score()
        for entry in self.ledger.give_up("the session ended"):
            self._keep("word", entry)
        self._assessed(self._assessor.now(self.scoreboard, self.last_words))
        return self.assessment

    def close(self) -> None:
        if self._adaptation:
            self._adaptation.close()
        self._assessor.close()
        self.following.close()
        self.source.close()

    # What comes in

    def _begin(self, changed: Changed) -> None:
        self._measured(self.intake.finish())
        for notice in self.intake.begin(self.decoding, changed, monotonic()):
            self.say(notice)
        if self._adapt and self._adaptation is None and self.intake.is_open and self.intake.fitting:
            self.decoding = replace(self.decoding, sensors=self.decoding.sensors or self.intake.fitting.sensors)
            self._adaptation = AdaptationThread.from_setup(self.decoding)

    def _move(self) -> None:
        self.intake.move(self.decoding)
        self.ledger.forget_waiting()
        self.following.restart()
        self.ended = False

    def _signal(self, chunk: Chunk) -> None:
        if self.intake.is_open:
            self._arrived = monotonic() - self.source.age(chunk.end)
            self._measured(self.intake.signal(chunk))

    def _word(self, word: Word) -> None:
        """The language model reads every word, scored or not: all of them are context."""
        if not self.ledger.hear(word):
            return
        self._arrived = monotonic()
        if self.failure is not None:
            self._measured([SkippedWord(word, "the language model stopped")])
            return
        self.following.push(word)
        if self._chosen is not None and not self._chosen(word):
            self._keep("word", self.ledger.skip(word, "not a content word"))
        else:
            self._measured(self.intake.word(word))

    def _end(self) -> None:
        self._measured(self.intake.finish())
        self.ended = True

    def _measured(self, found: Sequence[Epoch | SkippedWord]) -> None:
        """An epoch is whole since the samples behind it arrived, or since its word came, whichever was later."""
        for item in found:
            for entry in self.ledger.measure(item, self._arrived):
                self._keep("word", entry)

    # What goes on with it

    def _understand(self) -> None:
        """A language model that fails takes its words with it, and neither the signal nor what was found so far."""
        if self.failure is not None:
            return
        try:
            for found in self.following.pull():
                self.language_s.append(found.seconds)
                self.ledger.understand(found)
        except Exception as error:  # what the model's thread met; MEG, recording and scores go on
            self.failure = f"the language model stopped: {error}"
            self.say(Notice("error", "language", f"{self.failure} - the recording goes on", monotonic()))
            for entry in self.ledger.give_up("the language model stopped", unread=True):
                self._keep("word", entry)

    @property
    def _learning(self) -> bool:
        return self._adaptation is not None and self._adaptation.running

    def _score(self) -> None:
        """A patient engine that adapts goes word by word and waits for its updates: the same every time."""
        waits = self._patient and self._adaptation is not None
        while not (waits and self._learning) and (pairs := self.ledger.pairs(1 if waits else BATCH)):
            self._score_batch(pairs)
            if waits:
                self._learn()

    def _score_batch(self, pairs: Sequence[Pair]) -> None:
        assert self.intake.fitting is not None
        epochs = np.stack([self.intake.fitting.fill_missing(pair.epoch) for pair in pairs])
        predicted = self._decoders.predict(epochs) if self._decoders else None
        for i, pair in enumerate(pairs):
            if predicted is None:
                self._keep("word", self.ledger.skip(pair.word, UNSCORED))
            else:
                self.scoreboard.add(pair.word.index, predicted[i], pair.target)
                self.latencies_s.append(monotonic() - pair.arrived)
                self._keep("word", self.ledger.score(pair.word, self.latencies_s[-1]))
            self._remember(pair.word.index, epochs[i])
            if self._adaptation:  # after the score: no word is scored by decoders that have learned from it
                self._adaptation.add(epochs[i], pair.target)
        if self.publish and (r := self.r) is not None:
            self.publish(pairs[-1].word.onset, r)

    def _remember(self, index: int, epoch: np.ndarray) -> None:
        """How strong the field was at each lag of the newest words, for whoever looks at one."""
        self.power[index] = epoch.std(axis=1)
        if len(self.power) > RECENT:
            self.power.popitem(last=False)

    def _background(self) -> None:
        """Assessment and adaptation, in threads of their own, when the language model leaves room for them."""
        behind = self.following.backlog
        self.shedding = None
        if behind > CALM_WORDS:
            self.shedding = "curves wait for the language model"
        if behind > 2 * CALM_WORDS:
            self.shedding = "curves and adaptation wait for the language model"
        if found := self._assessor.step(self.scoreboard, self.last_words, self.shedding is None):
            self._assessed(found)
        self._learn(behind <= 2 * CALM_WORDS or self._patient)

    def _learn(self, may_begin: bool = True) -> None:
        if self._adaptation and (learned := self._adaptation.poll(may_begin)) is not None:
            self._decoders, self.n_solved = learned, self.n_solved + 1

    def _assessed(self, assessment: Assessment) -> None:
        if assessment.findings is not None and self._sink:
            self._sink.scores(assessment.n_words, assessment.findings)

    def _keep(self, what: str, item: Any) -> None:
        if self._sink is not None:
            getattr(self._sink, what)(item)

    def _new_scoreboard(self) -> Scoreboard:
        d = self.decoding
        return Scoreboard(d.lags_s, d.layers, d.n_layers, d.projection.components)
