"""Files of forced aligners: Praat TextGrids, long or short, CTM, and the JSON of WhisperX."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rtalign.core.storage.json_toml import parse_json
from rtalign.core.text.plain_text import in_a_line
from rtalign.recordings.word_tables.rows import Row

_NUMBER, _QUOTED = r"[-+]?\d++(?:\.\d*+)?(?:[eE][-+]?\d++)?", r'"([^"]*+(?:""[^"]*+)*+)"'
TOKEN = re.compile(rf'(?=["\d+-])(?:{_QUOTED}|(?<!\S)({_NUMBER})(?!\S))')
"""Praat's own rule: quoted texts and numbers between blanks are data, everything else is comment."""

INTERVAL = re.compile(
    rf"(?:\s++intervals \[\d++\]:?)?+\s++(?:xmin = )?+({_NUMBER})\s++(?:xmax = )?+({_NUMBER})\s++(?:text = )?+{_QUOTED}"
)
"""Three tokens at once, in the words that Praat itself writes between them."""

COMMA = re.compile(r"(?<!\S)[-+]?\d+,\d+(?!\S)")
"""What a program wrote that took the comma of its user's language for a point; to Praat it is comment."""


class TextGridReader:
    """Reads the texts and numbers of a TextGrid one after the other.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        Its name, for messages.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._text, self._place, self._text_end = text, 0, 0
        self._counted, self._line = 0, 1

    @property
    def line(self) -> int:
        """The line reached, counted on from the last call."""
        self._line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def text(self) -> str:
        """Read a quoted text."""
        text = self._next(1, "a quoted text").replace('""', '"')
        self._text_end = self._place
        return text

    def number(self) -> str:
        """Read a number, as it is written."""
        return self._next(2, "a number")

    def count(self) -> int:
        """Read a whole number."""
        number = self.number()
        if not number.isdigit():
            raise ValueError(f"{self.name}, line {self.line}: {in_a_line(number)} is no count; the TextGrid is damaged")
        return int(number)

    def interval(self) -> Row:
        """Read two times and a text."""
        if whole := INTERVAL.match(self._text, self._place):
            start, stop, text = whole.groups()
            self._place = self._text_end = whole.end()
            text = text.replace('""', '"')
        else:
            start, stop, text = self.number(), self.number(), self.text()
        return Row(start, repr(round(float(stop) - float(start), 9)), text, self.line)

    def _next(self, group: int, what: str) -> str:
        token = TOKEN.search(self._text, self._place)
        if token is None or token[group] is None:
            raise self._error(what, token.start() if token else len(self._text))
        self._place = token.end()
        return token[group]

    def _error(self, what: str, place: int) -> ValueError:
        """The error where another token is at a place, or none."""
        comma = COMMA.search(self._text, self._text_end, place)
        self._place = comma.start() if comma else place
        where = f"{self.name}, line {self.line}"
        if comma:
            return ValueError(f"{where}: {comma[0]} has a decimal comma; write {comma[0].replace(',', '.')}")
        return ValueError(f"{where}: {what} was expected; the TextGrid is cut short or damaged")


def textgrid_rows(text: str, tier: str, name: str) -> Iterator[Row]:
    """Read the intervals, or points, of one tier.

    Parameters
    ----------
    text : str
        The whole file.
    tier : str
        The tier's name; case and a plural s make no difference, nor does a speaker before it, as in "Ann - words".
    name : str
        The file's name, for messages.

    Yields
    ------
    Row
    """
    reader = TextGridReader(text, name)
    kinds = reader.text(), reader.text()
    if kinds != ("ooTextFile", "TextGrid"):
        raise ValueError(
            f"{name} is a {in_a_line(' '.join(kinds))}; save it from Praat as a text file or a short text file"
        )
    reader.number(), reader.number()
    names, of_speakers = list[str](), dict[str, list[Row]]()
    for _ in range(reader.count()):
        rows = list(_tier(reader))
        names.append(rows[0].text)
        if _bare(rows[0].text) == _bare(tier):
            yield from rows[1:]
            return
        if _bare(rows[0].text.rpartition(" - ")[2]) == _bare(tier):
            of_speakers[rows[0].text] = rows[1:]
    if len(of_speakers) > 1:
        speakers = in_a_line(", ".join(of_speakers))
        raise ValueError(f"{name} has {tier} of several speakers ({speakers}); keep one of the tiers")
    if not of_speakers:
        raise ValueError(f"{name} has no tier called {tier}; its tiers are {in_a_line(', '.join(names)) or 'none'}")
    for rows in of_speakers.values():
        yield from rows


def _bare(name: str) -> str:
    return name.strip().lower().rstrip("s")


def _tier(reader: TextGridReader) -> Iterator[Row]:
    """The tier's name as a first row, then its intervals or points."""
    kind = reader.text()
    if kind not in ("IntervalTier", "TextTier"):
        raise ValueError(
            f"{reader.name}, line {reader.line}: {in_a_line(kind)} is no kind of tier; the TextGrid is damaged"
        )
    yield Row("", "", reader.text(), reader.line)
    reader.number(), reader.number()
    for _ in range(reader.count()):
        yield reader.interval() if kind == "IntervalTier" else Row(reader.number(), "", reader.text(), reader.line)


def ctm_rows(text: str, name: str) -> Iterator[Row]:
    """Read the rows of a CTM file that describes one recording.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        Its name, for messages.

    Yields
    ------
    Row
    """
    first = None
    for line, content in enumerate(text.split("\n"), start=1):
        parts = content.split()
        if not parts or content.startswith(";;"):
            continue
        if len(parts) < 5:
            raise ValueError(
                f"{name}, line {line}: {content[:50]!r} is no CTM row; write recording, channel, onset, duration, word"
            )
        first = first or parts[:2]
        if parts[:2] != first and "<ALT" not in content:
            raise ValueError(
                f"{name}, line {line}: recording {' '.join(parts[:2])} follows {' '.join(first)}; "
                "cut the file into one table a recording"
            )
        yield Row(parts[2], parts[3], parts[4], line)


def whisper_rows(text: str, name: str) -> Iterator[Row]:
    """Read the words in a JSON file of Whisper or WhisperX.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        Its name, for messages.

    Yields
    ------
    Row
        One a word; without onset where the aligner gave none, as to numbers.
    """
    content = parse_json(text, name)
    segments = content.get("segments")
    if not isinstance(segments, list) or not all(isinstance(segment, dict) for segment in segments):
        raise ValueError(f"{name} has no list called segments; a JSON file of words is one that WhisperX wrote")
    lists = [segment.get("words") or [] for segment in segments]
    if not all(isinstance(words, list) for words in lists):
        raise ValueError(f"{name} has a segment of which its words are no list; was it written by WhisperX?")
    words = [word for one in lists for word in one]
    if segments and not words:
        raise ValueError(f"{name} has segments and no words in them; have WhisperX align them")
    for number, word in enumerate(words, start=1):
        if not isinstance(word, dict) or not isinstance(word.get("word"), str):
            raise ValueError(f"{name}, word {number}: it has no text called word")
        start, stop = (_time(word.get(key), f"{name}, word {number}: the {key}") for key in ("start", "end"))
        known = start is not None and stop is not None
        duration = repr(round(stop - start, 9)) if known else ""  # type: ignore[operator]
        yield Row("" if start is None else repr(start), duration, word["word"], number)


def _time(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where} {str(value)[:40]!r} is no number; give it in seconds")
    return float(value)
