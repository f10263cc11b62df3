"""Live against offline: a recorded session scored again by `evaluate`, and why the two differ."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.progress import Progress
from rtalign.core.records import Recording, Word
from rtalign.core.storage.files import write_atomically
from rtalign.core.storage.json_toml import parse_json
from rtalign.decoding.bank import DecoderBank
from rtalign.recordings.xdf import read_session_words
from rtalign.report import parity as page
from rtalign.report.parity import Parity
from rtalign.report.read import read_results
from rtalign.training.evaluation import MIN_SCORED_WORDS, score_bank, score_recordings
from rtalign.training.prepare import PreparedRecording

if TYPE_CHECKING:
    from rtalign.language.model import LanguageModel

OFFLINE = "offline"
"""Folder of the evaluation, in that of the session."""
NOT_RECEIVED = "not received"
"""Why live did not score a word of the recording that its words.tsv does not have."""
COMPARED, MOST_BEFORE = 500, 200
"""Words by which live and recorded words are brought in line; how many live may have had before the recorder began."""
MOST_BYTES = 1 << 28
"""Of log.jsonl: what is longer is not a session's."""


def bank_of_session(folder: Path) -> Path:
    """The bank that a session was scored with, as its log names it; ValueError where it does not."""
    named = _start(_read_log(folder)).get("bank")
    if not isinstance(named, str):
        raise ValueError(f"{folder / 'log.jsonl'} names no bank; name it with --bank")
    return Path(named)


def compare_session(
    folder: Path,
    bank: DecoderBank,
    recordings: Sequence[Recording],
    model: LanguageModel,
    progress: Progress,
    *,
    store: Path | None = None,
) -> Path:
    """Score a recorded session offline and write how that differs from what it showed live.

    Parameters
    ----------
    folder : Path
        The session's folder: raw.xdf, words.tsv, summary.json, log.jsonl.
    bank : DecoderBank
        Its bank.
    recordings : sequence of Recording
        What it recorded, opened; one.
    model : LanguageModel
        The bank's.
    progress : Progress
        Shows the stages.
    store : Path, optional
        The cache folder.

    Returns
    -------
    Path
        parity.html, beside parity.json.
    """
    if len(recordings) != 1:
        raise ValueError(f"{folder} holds {len(recordings)} recordings; a session has one")
    live = read_results(folder)
    if live.summary.kind != "session":
        raise ValueError(f"{folder} holds results of {live.summary.kind}; --parity takes the folder of a live session")
    if live.passport and live.passport.created != bank.passport["created"]:
        raise ValueError(
            f"the session ended with the bank of {live.passport.created}; this one is of {bank.passport['created']} - "
            "name its own with --bank"
        )
    controls = ("nuisances",) if bank.nuisances and live.summary.controls else ()
    scored = score_recordings(bank, recordings, model, progress, store=store, controls=controls)
    scored.write(folder / OFFLINE, progress)
    offline = read_results(folder / OFFLINE)
    if (len(offline.r), *offline.lags) != (len(live.r), *live.lags):
        raise ValueError(f"{folder} was scored with other layers or lags than this bank has; name its own with --bank")
    log, status, (prepared,) = _read_log(folder), live_words(folder), scored.prepared
    reasons = words_in_line(prepared.recording.words, status)
    same = [i for i in prepared.used if reasons.get(int(i)) == ""]
    found = Parity(
        live=live,
        offline=offline,
        same_words=_same_words(bank, prepared, np.array(same, int), progress),
        n_same=len(same),
        only_offline=Counter(reason for i in prepared.used if (reason := reasons.get(int(i), NOT_RECEIVED))),
        n_only_live=sum(reason == "" for reason in reasons.values()) - len(same),
        adapted=bool(_start(log).get("adapt")),
        notices=notices(log),
    )
    write_atomically(folder / "parity.json", json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n")
    path = folder / "parity.html"
    write_atomically(path, page.render(found))
    return path


def _same_words(
    bank: DecoderBank, prepared: PreparedRecording, used: np.ndarray, progress: Progress
) -> np.ndarray | None:
    """(layer, lag): offline R over the words that the session scored; None where these are too few."""
    if len(used) < MIN_SCORED_WORDS:
        return None
    curves, _ = score_bank(bank, [replace(prepared, used=used)], progress)
    return curves.r


def live_words(folder: Path) -> list[tuple[Word, str]]:
    """The words of words.tsv in order, with the reason why each was not scored; empty where it was.

    Where an engine was lost, those of the last one: its scores began from zero.
    """
    path = folder / "words.tsv"
    try:
        read = read_session_words(path)
    except ValueError as error:
        raise ValueError(f"{path} holds a line that is no word: {error}") from None
    every = zip(read.numbers, read.words, read.reasons, strict=True)
    last = read.numbers[-1][0] if read.numbers else 0
    return [(Word(number, word.text, word.onset), reason) for (engine, number), word, reason in every if engine == last]


def words_in_line(recorded: Sequence[Word], live: Sequence[tuple[Word, str]]) -> dict[int, str]:
    """The live reason of each recorded word, by its number in the recording; words that live never had are left out.

    The recorder may have begun some words before the engine, or after it, and an engine that took the place of a lost
    one begins anywhere: the shift is taken at which most texts agree, the smallest of them.
    """
    if not live or not recorded:
        return {}
    first = live[0][0].index
    texts = {word.index - first: (word.text, reason) for word, reason in live}
    compared = [(at, text) for at, (text, _) in texts.items() if at < COMPARED]
    own = [word.text for word in recorded]

    def agreeing(shift: int) -> int:
        return sum(0 <= at + shift < len(own) and text == own[at + shift] for at, text in compared)

    shift = max(sorted(range(-MOST_BEFORE, len(own)), key=abs), key=agreeing)
    return {
        at + shift: reason
        for at, (text, reason) in texts.items()
        if 0 <= at + shift < len(own) and own[at + shift] == text
    }


def notices(log: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often each warning and error of the session's log came."""
    found = Counter(str(line.get("text", ""))[:200] for line in log if line.get("level") in ("warning", "error"))
    return dict(found.most_common(20))


def _start(log: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((line for line in log if line.get("event") == "start"), {})


def _read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of log.jsonl that can be read; a session that was killed may end in half a line."""
    path = folder / "log.jsonl"
    if not path.is_file():
        raise ValueError(f"{folder} holds no log.jsonl; --parity takes the folder of a recorded live session")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is too large for the log of a session")
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            lines.append(parse_json(text, path.name))
    return lines
