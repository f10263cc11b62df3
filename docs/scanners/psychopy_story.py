"""Plays a story in PsychoPy and sends its words over LSL, or one marker where the sound begins.

python psychopy_story.py story.wav words.tsv              # rtalign monitor --words story-words
python psychopy_story.py story.wav --marker audio      # rtalign monitor --encoding audio-start --word-table words.tsv

Sending needs pylsl alone; PsychoPy with its Psychtoolbox engine plays the sound.
"""

from __future__ import annotations

import argparse
import csv
import time
from socket import gethostname

from pylsl import StreamInfo, StreamOutlet, local_clock  # noqa: TID251

LEAD_S = 0.5
"""From the decision to play to the first sample, so that the sound card has time to get ready."""


def read_words(path):
    """(onset, word) of a table with these columns, onsets in seconds of the sound."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return sorted((float(row["onset"]), row["word"]) for row in rows)


def open_outlet(name):
    """A stream of markers; returns once somebody receives it: one who is still connecting loses the first markers."""
    outlet = StreamOutlet(StreamInfo(name, "Markers", 1, 0, "string", f"{name} @ {gethostname()}"))
    print(f"waiting for a receiver of {name}")
    while not outlet.have_consumers():
        time.sleep(0.1)
    return outlet


def send(outlet, markers, begin, wait=time.sleep):
    """Send each marker when its time has come.  markers : (onset, text); begin : LSL time of the sound's first sample.

    The stamp is the word's own time, not that of the call, so that a busy computer moves no word.
    """
    for onset, text in markers:
        wait(max(begin + onset - local_clock(), 0.0))
        outlet.push_sample([text], begin + onset)


def play(path):
    """Start a sound; returns the LSL time of its first sample, and its length, s."""
    from psychopy import prefs

    prefs.hardware["audioLib"] = ["PTB"]  # the engine that begins at a given time; before sound is imported
    import psychtoolbox
    from psychopy import sound

    story = sound.Sound(path)
    begin = local_clock() + LEAD_S
    story.play(when=psychtoolbox.GetSecs() + begin - local_clock())
    return begin, story.getDuration()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sound")
    parser.add_argument("words", nargs="?", help="TSV with onset and word")
    parser.add_argument("--marker", help="send this text alone, where the sound begins")
    parser.add_argument("--name", default="story-words", help="of the stream (story-words)")
    args = parser.parse_intermixed_args()
    if (args.words is None) == (args.marker is None):
        parser.error("give either the table of the words or --marker")
    markers = [(0.0, args.marker)] if args.marker else read_words(args.words)
    outlet = open_outlet(args.name)
    begin, seconds = play(args.sound)
    send(outlet, markers, begin)
    # The sound stops, and the stream closes, when the script ends.
    time.sleep(max(begin + seconds - local_clock(), 0.0) + 1.0)


if __name__ == "__main__":
    main()
