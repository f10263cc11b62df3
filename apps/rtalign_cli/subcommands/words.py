"""words: makes a word table of a story from its text and its sound."""

from __future__ import annotations

import argparse
from typing import Any

from rtalign.core.progress import Progress
from rtalign_cli.checks import require_paths, require_writable
from rtalign_cli.text import print_lines


def words(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Find each word of a text in its sound, and write the table."""
    from contextlib import closing

    from rtalign.recordings.wav_file import WavFile
    from rtalign.recordings.word_tables import read_text
    from rtalign_offline.forced_alignment import align_story, write_word_table

    require_paths([args.sound], "sound")
    require_paths([args.text], "text")
    require_writable(args.out)
    if args.out.exists() and not args.force:
        raise ValueError(f"{args.out} exists already; name another table with --out, or replace it with --force")
    with closing(WavFile(args.sound)) as wav:
        seconds = wav.seconds
    with progress.stage("align", seconds / 60, "min") as stage:
        story = align_story(args.sound, read_text(args.text), lambda done: stage.advance(done / 60))
    write_word_table(args.out, story.words)
    if not (args.quiet or args.json):
        print_lines([*story.notes, f"{args.out}: {len(story.words):,} words in {seconds / 60:.1f} min"])
    return {"table": str(args.out), "words": len(story.words), "seconds": seconds, "notes": list(story.notes)}
