"""Speech whose word onsets are known: espeak-ng's library, called directly, says at which sample each word begins."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

WORD, END_OF_LIST = 1, 0
SYNCHRONOUS, CHARACTERS, UTF8 = 2, 1, 1


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", ctypes.c_char * 8),
    )  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken text.

    samples : (sample,) int16.  onsets : by the place of a word's first letter in the text, s; words that espeak-ng
    says in one breath with their neighbour, as "of the", have none.
    """

    samples: np.ndarray
    rate: int
    onsets: dict[int, float]


@cache
def espeak() -> tuple[ctypes.CDLL, int] | None:
    """The library and its samples a second; None where espeak-ng is not installed."""
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    return library, int(library.espeak_Initialize(SYNCHRONOUS, 0, None, 0))


def speak(text: str, voice: str = "en-us") -> Speech:
    """Speak a text.  Raises RuntimeError without espeak-ng."""
    if (found := espeak()) is None:
        raise RuntimeError("espeak-ng is not installed; apt install espeak-ng")
    library, rate = found
    chunks: list[np.ndarray] = []
    marks: list[tuple[int, int]] = []

    def receive(samples: ctypes._Pointer[ctypes.c_short], n: int, events: ctypes._Pointer[_Event]) -> int:
        if samples and n:
            chunks.append(np.ctypeslib.as_array(samples, (n,)).copy())
        i = 0
        while events[i].type != END_OF_LIST:
            if events[i].type == WORD:
                marks.append((events[i].text_position - 1, events[i].sample))
            i += 1
        return 0

    callback = _Callback(receive)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetSynthCallback(callback)
    raw = text.encode() + b"\0"
    library.espeak_Synth(raw, len(raw), 0, CHARACTERS, 0, UTF8, None, None)
    library.espeak_Synchronize()
    onsets: dict[int, float] = {}
    for place, sample in marks:  # a place may lie before the blanks and quotation marks in front of the word
        if letter := re.compile(r"\w").search(text, max(place, 0)):
            onsets.setdefault(letter.start(), sample / rate)
    return Speech(np.concatenate(chunks), rate, onsets)
