"""Session: where data come from and how they are shown; no setting of it changes a number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from rtalign.core.recipe import Settings, validation_text
from rtalign.core.storage.json_toml import read_toml

MAX_WORD_DELAY_S = 10.0
"""How far, in signal time, a word may arrive behind its samples."""
MIN_CURVE_WORDS = 100
"""With fewer words a curve R(lag) cannot be distinguished from chance, and no curve or peak is shown."""

_UNSAFE = re.compile(r"[^\w]+")
"""What no file name may hold, separators of folders among it."""

WordEncoding = Literal["auto", "plain", "json", "codes", "one-hot", "audio-start", "trigger"]
"""How words arrive; each has its class in rtalign.streams.markers.decoders."""


class Session(Settings):
    """Settings of one live session or replay; each field is described in its own sentence.

    Examples
    --------
    >>> Session(recording="story.fif", speed=None).meg is None
    True
    """

    bank: Path | None = Field(
        None, description="Folder of the decoder bank; none: decoders are learned during the session."
    )
    model: str | None = Field(
        None, description="The language model, where the name that the bank gives for it cannot be used here."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where the language model computes.")

    recording: Path | None = Field(None, description="A recording to replay; none: live streams.")
    subject: str | None = Field(
        None, description="Only this subject of a BIDS folder, or several: A,B; of live streams, who listens."
    )
    session: str | None = Field(
        None, description="Only this session of a BIDS folder, or several: A,B; of live streams, its number."
    )
    task: str | None = Field(None, description="Only this task of a BIDS folder, or several: A,B.")
    run: str | None = Field(None, description="Only this run of a BIDS folder, or several: A,B.")
    word_table: Path | None = Field(None, description="Onsets of the words: TSV, CSV, TextGrid or CTM.")
    speed: float | None = Field(
        1.0, gt=0, le=1000, description="Of a replay, times real time; none: as fast as possible."
    )
    audio: Path | None = Field(
        None, description="The story's sound: a wav, or a folder of wavs named as the runs; none: the data set's own."
    )
    chunk_s: float = Field(0.02, gt=0, le=10, description="Length of a replay's chunks.")

    raw_stamps: bool = Field(False, description="Of an XDF file, use the time stamps as recorded, with their jitter.")

    meg: str | None = Field(None, description="Name of the MEG stream; none: the first of type MEG or EEG.")
    words: str | None = Field(None, description="Name of the stream of words; none: the first stream of text.")
    head: str | None = Field(
        None, description="Name of a stream of head positions (neuromag2lsl); none: CTF's head coils, where they come."
    )
    encoding: WordEncoding = Field("auto", description="How words arrive on their stream.")
    trigger: str | None = Field(None, description="A channel of the MEG stream whose codes mark words; needs a table.")
    audio_delay_s: float = Field(
        0.0, ge=-1, le=1, description="From a word's marker to its sound at the ear: a constant of the site."
    )
    allow_missing: bool = Field(False, description="Continue although the stream lacks sensors of the bank.")
    adapt: bool = Field(False, description="Learn from the present participant, each word after it has been scored.")

    record: Path | None = Field(None, description="Folder under which the session is recorded; none: it is not.")
    out: Path | None = Field(None, description="Folder for the results of a replay.")
    publish: bool = Field(False, description="Send the scores out over LSL as rtalign-scores.")
    no_standby: bool = Field(
        False,
        description="Keep no second engine loaded, which goes on where this one is lost and takes as much memory.",
    )
    last_words: int | None = Field(
        None, ge=MIN_CURVE_WORDS, description="Show only the last so many words; none: all of them."
    )

    @classmethod
    def load(cls, path: Path) -> Session:
        """A session from its TOML file; ValueError, in one line, if it is wrong."""
        try:
            return cls.model_validate(read_toml(path))
        except ValidationError as error:
            raise ValueError(validation_text(error, "session", cls)) from None

    @property
    def label(self) -> str:
        """Participant and session as file names have them: sub-01_ses-02; empty where neither is named."""
        labels = ("sub", self.subject), ("ses", self.session)
        return "_".join(f"{name}-{_UNSAFE.sub('-', text).strip('-')}" for name, text in labels if text)

    @property
    def folder_name(self) -> str:
        """What a session's own folder is called when its user names none."""
        name = Path(self.recording).name if self.recording else "session"
        return f"{self.label}_{name}" if self.label else name
