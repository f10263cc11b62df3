"""From a session's settings to an engine that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.recipe import Recipe
from rtalign.core.records import Recording, Word
from rtalign.core.session import Session
from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.decoder_setup import DecoderSetup
from rtalign.language import AheadReader, BackgroundReader, LiveReader, LiveTagger, Reading, find_content_words
from rtalign.recordings.concatenated import Joined
from rtalign.recordings.datasets.sounds import sounds_of
from rtalign.recordings.wav_file import Sound
from rtalign.streams.events import Source
from rtalign.streams.replay import ReplaySource

if TYPE_CHECKING:
    from rtalign.recordings.open import OpenOptions

Say = Callable[[str], None]

QUICK_CHUNK_S = 1.0
"""Chunks of a replay that runs as fast as it can."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What an engine is made of."""

    decoding: DecoderSetup
    source: Source
    following: BackgroundReader
    recording: Joined | None
    chosen: Callable[[Word], bool] | None
    sounds: tuple[Sound, ...] = ()


def open_session(session: Session, say: Say) -> Opened:
    """Load the bank and the model, open the recording or the streams; refused with a reason before anything runs."""
    bank = DecoderBank.load(session.bank) if session.bank else None
    if bank is None and not session.adapt:
        raise ValueError("there is no bank: name one with --bank, or learn on the way with --adapt")
    if bank is not None and bank.recipe.chain.phase != "causal":
        raise ValueError(
            f"{session.bank} was trained with zero-phase filters, which cannot run live; train with --preset live"
        )
    recording = open_recording(session) if session.recording else None
    say("loading the language model")
    model = open_model(session, bank)
    decoding = DecoderSetup.from_bank(bank) if bank else _from_nothing(model, say)
    chosen = choice(decoding.recipe, recording)
    if recording is not None:
        source, following = _replay(session, recording), _ahead(recording, model, decoding)
        return Opened(decoding, source, following, recording, chosen, sounds_of(recording, session.audio))
    return Opened(decoding, live_source(session), _behind(model, decoding), None, chosen)


def choice(recipe: Recipe, recording: Joined | None) -> Callable[[Word], bool] | None:
    """Which words are scored where a recipe wants content words: of a recording, those that the trainer takes."""
    if recipe.words.which == "all":
        return None
    if recording is None:
        tagger = LiveTagger(recipe.words.tagger)
        return lambda word: tagger.push(word.text)
    kept: set[int] = set()
    for story in recording.stories:
        carries = find_content_words([word.text for word in story], recipe.words.tagger)
        kept |= {word.index for word, yes in zip(story, carries, strict=True) if yes}
    return lambda word: word.index in kept


def open_recording(session: Session) -> Joined:
    """Every recording that a session replays, one after the other."""
    from rtalign.recordings import open_matching

    assert session.recording is not None
    return Joined(open_matching([session.recording], **open_options(session)))


def open_options(session: Session) -> OpenOptions:
    """Which recordings a session replays, and how they are read."""
    from rtalign.recordings.xdf.streams import Streams

    return {
        "subject": session.subject,
        "session": session.session,
        "task": session.task,
        "run": session.run,
        "word_table": session.word_table,
        "streams": Streams(session.meg, session.words, not session.raw_stamps),
    }


def open_model(session: Session, bank: DecoderBank | None) -> Any:
    """The model of the bank, or the one that is named; never another than the bank was made with."""
    from rtalign.language import load

    name = session.model or (bank.model["id"] if bank else "smollm2")
    precision = bank.recipe.language.precision if bank else "float32"
    model = load(name, device=session.device, precision=precision)
    for what in ("id", "revision", "tokenizer") if bank else ():
        here, there = getattr(model.info, what), bank.model[what] if bank else None
        if here != there:
            raise ValueError(f"the bank was made with model {what} {there}; {name} has {here} - name the bank's model")
    return model


def live_source(session: Session) -> Source:
    from rtalign.streams.live.source import LiveSource
    from rtalign.streams.markers.decoders import open_decoder

    decoder = open_decoder("trigger" if session.trigger else session.encoding, session.word_table, session.trigger)
    words = session.words if decoder.channel is None else None
    return LiveSource(session.meg, words, decoder, audio_delay_s=session.audio_delay_s)


def _replay(session: Session, recording: Recording) -> ReplaySource:
    return ReplaySource(recording, session.speed, session.chunk_s if session.speed else QUICK_CHUNK_S)


def _ahead(recording: Joined, model: Any, decoding: DecoderSetup) -> AheadReader:
    def stream() -> Iterator[tuple[int, Reading]]:
        recipe, layers = decoding.recipe.language, decoding.layers
        return chain.from_iterable(
            model.stream([word.text for word in story], recipe, layers) for story in recording.stories if story
        )

    return AheadReader(recording.words, stream, decoding.targets)


def _behind(model: Any, decoding: DecoderSetup) -> LiveReader:
    return LiveReader(lambda: model.reader(decoding.recipe.language, decoding.layers), decoding.targets)


def _from_nothing(model: Any, say: Say) -> DecoderSetup:
    from rtalign.simulation.story import shipped_story, story_words

    say("no bank: principal components from the packaged story")
    return DecoderSetup.from_text(model, story_words(shipped_story()), Recipe())


def session_name(session: Session) -> str:
    """What a session's own folder is called when its user names none."""
    return Path(session.recording).name if session.recording else "session"
