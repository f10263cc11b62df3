"""How well `rtalign words align` finds words: the demo's story spoken by espeak-ng, which knows each onset.

It needs espeak-ng and pocketsphinx.  `--hours 1` reads the story again and again, for bounded memory and lasting hold.

python benchmarks/wordalign.py --out benchmarks/results/wordalign.json
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
from outcome import tell

from rtalign.simulation.story import shipped_story
from rtalign_offline.forced_alignment import align_story
from rtalign_offline.forced_alignment.pronunciation import TOKEN
from tests.helpers.espeak import Speech, speak


def write(path: Path, speech: Speech) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, speech.rate, 0, "NONE", ""))
        file.writeframes(speech.samples.tobytes())


def first_letters(text: str) -> list[int]:
    """The place of the first letter of each word of a text, of which punctuation alone is none."""
    letter = re.compile(r"[^\W_]")
    found = (letter.search(token.group()) and letter.search(text, token.start()) for token in TOKEN.finditer(text))
    return [match.start() for match in found if match]


def measure(text: str, voice: str) -> dict[str, Any]:
    speech = speak(text, voice)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "story.wav"
        write(path, speech)
        before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        story = align_story(path, text)
        seconds = time.process_time() - begin
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    places = first_letters(text)
    errors = np.array(
        [word.onset - speech.onsets[at] for word, at in zip(story.words, places, strict=False) if at in speech.onsets]
    )
    size = np.abs(errors)
    return {
        "voice": voice,
        "sound_s": round(len(speech.samples) / speech.rate, 1),
        "words": len(story.words),
        "words_with_known_onset": len(errors),
        "median_error_ms": round(1e3 * float(np.median(size)), 2),
        "p95_error_ms": round(1e3 * float(np.quantile(size, 0.95)), 2),
        "p99_error_ms": round(1e3 * float(np.quantile(size, 0.99)), 2),
        "max_error_ms": round(1e3 * float(size.max()), 1),
        "bias_ms": round(1e3 * float(np.median(errors)), 2),
        "processor_s": round(seconds, 1),
        "memory_grown_mb": round((after - before) / 1024, 1),
        "notes": list(story.notes),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("--words", type=int, default=0, help="the first N words (default: all)")
    parser.add_argument("--voices", default="en-us")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    story = shipped_story()
    if args.words:
        story = story[: [*re.finditer(r"\S+", story)][args.words].start()]
    if args.hours:
        story = "\n\n".join([story] * round(args.hours * 3600 / 1436 + 0.5))
    tell(
        {"goal": {"median_ms": 20, "p95_ms": 60}, "runs": [measure(story, v) for v in args.voices.split(",")]}, args.out
    )
