"""From a session's settings to the parts of its engine: bank, language model, recording or streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from time import monotonic

from rtalign.core.machine import call_behind_others, cpu_count
from rtalign.core.recipe import Recipe
from rtalign.core.records import RecordingIdentity, Word, compensation_grade
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.engine.engine import Engine, EngineOptions, SessionSink
from rtalign.language import (
    AheadReader,
    BackgroundReader,
    LanguageModel,
    LiveReader,
    LiveTagger,
    Reading,
    choose_content_words,
)
from rtalign.language.loading import LARGE_MODEL_BYTES
from rtalign.recordings import ConcatenatedRecording, FileRecording, Sound, open_matching, session_options
from rtalign.recordings.datasets import sounds_of
from rtalign.streams.events import Notice, Source
from rtalign.streams.replay import ReplaySource

Progress = Callable[[str], None]

ReplayedRecording = ConcatenatedRecording[FileRecording]

NOT_CONTENT = "not a content word"
PATIENCE = 0.2
"""Part of a word's last lag, for whose signal its score waits anyway, that a large model may gather words in."""
FAST_CHUNK_S = 1.0
"""Length of the chunks of a replay that runs as fast as it can."""


@dataclass(frozen=True, slots=True, eq=False)
class SessionParts:
    """What a session's engine is made of.

    Attributes
    ----------
    decoding : DecoderSetup
        What is decoded, and with which decoders.
    source : Source
        Where samples and words come from.
    reader : BackgroundReader
        The language model, on a thread of its own.
    recording : ConcatenatedRecording or None
        The recording that is replayed; None of live streams.
    skip_reason : callable or None
        Says of a word why it is not scored, or nothing; None: every word is.
    sounds : tuple of Sound
        Sound files of the recording.
    problem : str
        Why words that bring no part of speech will not be scored; empty where they can be.
    """

    decoding: DecoderSetup
    source: Source
    reader: BackgroundReader
    recording: ReplayedRecording | None
    skip_reason: Callable[[Word], str] | None
    sounds: tuple[Sound, ...] = ()
    problem: str = ""

    @classmethod
    def open(cls, session: Session, progress: Progress, behind: bool = False) -> SessionParts:
        """Load the bank and the language model, open the recording or the streams.

        Parameters
        ----------
        session : Session
            The settings.
        progress : callable
            Told in a few words what is being done.
        behind : bool
            Whether model and decoders are loaded behind all other work, as beside an engine that reads with its own.

        Raises
        ------
        ValueError
            With a reason, where the settings cannot become a session.
        """
        bank = open_bank(session)
        recording = open_recording(session) if session.recording else None
        progress("loading the language model")

        def load() -> tuple[LanguageModel, DecoderSetup]:
            model = open_model(session, bank)
            return model, DecoderSetup.from_bank(bank) if bank else setup_without_bank(model, progress)

        model, decoding = call_behind_others(load) if behind else load()
        skip_reason, problem = word_filter(decoding.recipe, recording)
        if recording is None:
            reader = live_reader(model, decoding)
            return cls(decoding, open_streams(session), reader, None, skip_reason, problem=problem)
        chunk_s = session.chunk_s if session.speed else FAST_CHUNK_S
        origin = tuple(RecordingIdentity.of(part) for part in recording.parts)
        left_out = tuple(dict.fromkeys(name for part in recording.parts for name in part.left_out))
        grades = {compensation_grade(part) for part in recording.parts}
        grade = grades.pop() if len(grades) == 1 else None
        source = ReplaySource(recording, session.speed, chunk_s, origin=origin, left_out=left_out, grade=grade)
        sounds = sounds_of(recording, session.audio)
        return cls(decoding, source, ahead_reader(recording, model, decoding), recording, skip_reason, sounds)

    def make_engine(self, session: Session, sink: SessionSink) -> Engine:
        """The engine of these parts; a recording waits for it, live streams do not."""
        options = EngineOptions(
            allow_missing=session.allow_missing,
            adapt=session.adapt,
            last_words=session.last_words,
            can_wait=self.recording is not None,
            skip_reason=self.skip_reason,
            stories=tuple(story[0].index for story in self.recording.stories if story) if self.recording else (),
        )
        engine = Engine(self.decoding, self.source, self.reader, options, sink)
        engine.annotations = self.recording.annotations if self.recording is not None else ()
        if self.problem:
            text = f"words without a part of speech are not scored: {self.problem}"
            engine.notify(Notice("warning", "words", text, monotonic()))
        return engine


def open_bank(session: Session) -> DecoderBank | None:
    """The bank that the settings name; refused where it cannot be used live."""
    bank = DecoderBank.load(session.bank) if session.bank else None
    if bank is None and not session.adapt:
        raise ValueError("there is no bank: name one with --bank, or learn on the way with --adapt")
    if bank is not None and session.adapt:
        bank.require_sums("--adapt")
    if bank is not None and bank.recipe.chain.phase != "causal":
        raise ValueError(
            f"{session.bank} was trained with zero-phase filters, which cannot run live; train with --preset live"
        )
    return bank


def open_recording(session: Session) -> ReplayedRecording:
    """Every recording that a session replays, one after the other."""
    assert session.recording is not None
    return ConcatenatedRecording(open_matching([session.recording], **session_options(session)))


def open_model(session: Session, bank: DecoderBank | None) -> LanguageModel:
    """The bank's language model, or the one that is named; never another than the bank was made with."""
    from rtalign.language import load

    name = session.model or (bank.model["id"] if bank else "smollm2")
    precision = bank.recipe.language.precision if bank else "float32"
    model = load(name, device=session.device, precision=precision)
    if bank is None:
        return model
    here = {"id": model.info.id, "revision": model.info.revision, "tokenizer": model.info.tokenizer}
    for key, value in here.items():
        if value != bank.model[key]:
            raise ValueError(
                f"the bank was made with model {key} {bank.model[key]}; {name} has {value} - name the bank's model"
            )
    return model


def open_streams(session: Session) -> Source:
    """The live streams of a session."""
    from rtalign.streams.fieldtrip import buffer_backend
    from rtalign.streams.live.source import LiveSource
    from rtalign.streams.markers.decoders import open_decoder

    decoder = open_decoder("trigger" if session.trigger else session.encoding, session.word_table, session.trigger)
    words = session.words if decoder.channel is None else None
    backend = buffer_backend(session.meg, words)
    return LiveSource(
        session.meg, words, decoder, head=session.head, audio_delay_s=session.audio_delay_s, backend=backend
    )


def word_filter(recipe: Recipe, recording: ReplayedRecording | None) -> tuple[Callable[[Word], str] | None, str]:
    """What says why a word is not scored, or nothing, None where all are; and what words that bring nothing lack.

    Where a recipe wants content words, they are those that the trainer takes: of a recording they are found in the
    whole text, of live streams in what each word brings and the text so far.
    """
    if recipe.words.which == "all":
        return None, ""
    if recording is None:
        tagger = LiveTagger(recipe.words.tagger)
        reasons = {True: "", False: NOT_CONTENT, None: "no part of speech"}
        return (lambda word: reasons[tagger.push(word)]), tagger.problem
    content: set[int] = set()
    for story in recording.stories:
        is_content = choose_content_words(story, recipe.words.tagger)
        content |= {word.index for word, yes in zip(story, is_content, strict=True) if yes}
    return (lambda word: "" if word.index in content else NOT_CONTENT), ""


def live_reader(model: LanguageModel, decoding: DecoderSetup) -> LiveReader:
    """Reads words as they come; a large model on all cores, as long as signal and scores do not need them."""
    recipe, states = decoding.recipe, decoding.states
    if model.info.n_bytes <= LARGE_MODEL_BYTES:
        return LiveReader(lambda: model.reader(recipe.language, states), decoding.targets)
    patience_s = PATIENCE * max(float(recipe.lags.seconds[-1]), 0)
    return LiveReader(lambda: model.reader(recipe.language, states), decoding.targets, cpu_count(), patience_s)


def ahead_reader(recording: ReplayedRecording, model: LanguageModel, decoding: DecoderSetup) -> AheadReader:
    """Reads the words of a recording ahead of its replay, each story by itself."""

    def stream() -> Iterator[tuple[int, Reading]]:
        recipe, states = decoding.recipe.language, decoding.states
        return chain.from_iterable(
            model.stream([word.text for word in story], recipe, states) for story in recording.stories if story
        )

    return AheadReader(recording.words, stream, decoding.targets)


def setup_without_bank(model: LanguageModel, progress: Progress) -> DecoderSetup:
    """What is decoded where decoders are learned from nothing: principal components of the packaged story."""
    from rtalign.simulation import shipped_story, story_words

    progress("no bank: principal components from the packaged story")
    return DecoderSetup.from_text(model, story_words(shipped_story()), Recipe())
