"""How fast 100,000 words are read from a table of every layout, beside the csv module that only splits one."""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from outcome import tell

from rtalign.recordings.datasets import armeni, libribrain, megmasc, smn4lang
from rtalign.recordings.word_tables import read_words
from rtalign.recordings.xdf import read_session_words

ROWS = 100_000
VOCABULARY = ("THE", "river", "don't", "été", "so-called", "小")


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Processor seconds of the quickest run."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def lines(form: str, head: str = "", n: int = ROWS) -> str:
    """A row a word; i : its number, t : its onset, e : its end, w : the word."""
    words = (VOCABULARY[i % len(VOCABULARY)] for i in range(n))
    return head + "".join(
        form.format(i=i, t=f"{i * 0.3:.3f}", e=f"{i * 0.3 + 0.2:.3f}", w=w) for i, w in enumerate(words)
    )


def literal(kind: str, **more: object) -> str:
    """A description as MEG-MASC has it; braces doubled for str.format."""
    told = {"story": "lw1", "story_uid": 0.0, "sound_id": 7.0, "sound": "stimuli/audio/lw1_7.wav", "kind": kind,
            "condition": "sentence", "pronounced": 1.0, "speech_rate": 205.0, "voice": "Allison", **more}  # fmt: skip
    return "{" + repr(told).replace("'START'", "{t}").replace("'WORD'", '"{w}"') + "}"


WORD = literal("word", start="START", word="WORD", word_index=3.0, sequence_id=12.0, is_last_word=False)
PHONEME = literal("phoneme", start="START", phoneme="t_B", word="WORD")


def texts() -> dict[str, tuple[str, str]]:
    """A name of each layout, its file's name, its text."""
    armeni = lines('{t}\t0.2\t{i}\tword_onset_01\t"{w}"\n', "onset\tduration\tsample\ttype\tvalue\n")
    masc = "onset\tduration\ttrial_type\tvalue\tsample\n"
    word, phoneme = (f"{{t}}\t0.2\t{told}\tn/a\t{{i}}\n" for told in (WORD, PHONEME))
    short = f'"IntervalTier"\n"words"\n0\n40000\n{ROWS}\n' + lines('{t}\n{e}\n"{w}"\n')
    grid = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    tier = 'item []: \n item [1]:\n class = "IntervalTier" \n name = "words" \n xmin = 0 \n xmax = 40000 \n'
    entry = "\n            ".join(("        intervals [{i}]:", "xmin = {t} ", "xmax = {e} ", 'text = "{w}" \n'))
    long = tier + f" intervals: size = {ROWS} \n" + lines(entry)
    libri = "idx\twavfile\tkind\tsegment\tsentenceidx\twordidx\tphonemeidx\ttimewav\ttimemeg\tduration\n"
    return {
        "tsv": ("a.tsv", lines("{t}\t0.2\t{w}\n", "onset\tduration\tword\n")),
        "csv": ("a.csv", lines('{t},0.2,"{w}"\n', "onset,duration,word\n")),
        "bids": ("b.tsv", lines("{t}\t0.2\tword\t{w}\n", "onset\tduration\ttrial_type\tvalue\n")),
        "ctm": ("a.ctm", lines("story A {t} 0.2 {w} 0.98\n")),
        "textgrid short": ("a.TextGrid", f"{grid}0\n40000\n<exists>\n1\n{short}"),
        "textgrid long": ("b.TextGrid", f"{grid}xmin = 0 \nxmax = 40000 \ntiers? <exists> \nsize = 1 \n{long}"),
        "armeni": ("c.tsv", armeni),
        "megmasc": ("d.tsv", lines(word, masc)),
        "megmasc, 4 rows of 5 phonemes": ("e.tsv", lines(phoneme * 4 + word, masc, ROWS // 5)),
        "libribrain": ("f.tsv", lines("{i}\ta.wav\tword\t{w}\t0\t{i}\t\t{t}\t{t}\t0.2\n", libri)),
        "session": ("g.tsv", lines("{i}\t{w}\t{t}\t0.2\tn/a\n", "index\ttext\tonset\tduration\tstatus\n")),
    }  # fmt: skip


def readers() -> dict[str, Callable[[Path], object]]:
    """How each layout is read; the generic way where none is named."""
    return {
        "armeni": lambda path: armeni.split_session(armeni.read_events(path), 40_000.0, path),
        "megmasc": megmasc.read_events,
        "megmasc, 4 rows of 5 phonemes": megmasc.read_events,
        "libribrain": libribrain.read_events,
        "session": read_session_words,
        "smn4lang": smn4lang.read_word_times,
    }


def measured(folder: Path) -> dict[str, float]:
    """Processor seconds of every layout."""
    from scipy.io import savemat

    found = {}
    for name, (file, text) in texts().items():
        (folder / file).write_text(text, encoding="utf-8")
        read = readers().get(name, read_words)
        found[name] = best(lambda read=read, path=folder / file: read(path))  # type: ignore[misc]
    onsets = 0.3 * np.arange(ROWS)
    table = {"start": onsets, "end": onsets + 0.2, "word": np.array([VOCABULARY[i % 6] for i in range(ROWS)])}
    savemat(folder / "story.mat", table)
    found["smn4lang"] = best(lambda: smn4lang.read_word_times(folder / "story.mat"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = measured(Path(folder))
        path = Path(folder) / "a.tsv"
        peer = best(lambda: list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")))
    ours = {name: round(seconds, 3) for name, seconds in ours.items()}
    result = {"benchmark": "wordtable", "rows": ROWS, "ours_cpu_s": ours, "csv_cpu_s": round(peer, 3)}
    tell(result | {"slowest_cpu_s": max(ours.values())}, args.out)


if __name__ == "__main__":
    main()
