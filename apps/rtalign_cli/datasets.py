"""datasets: the sets that are known, what a folder holds of one, and whether its words sit where the sound was."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress, Stage

if TYPE_CHECKING:
    from rtalign.recordings.check_folder import Checked, Line

MARKS = {"ok": "●", "note": "·", "missing": "○", "skipped": "–", "broken": "✗"}
NARROWEST, WIDEST = 60, 118
"""Columns that text is broken to; a terminal between them is filled."""


def datasets(args: argparse.Namespace, progress: Progress) -> Any:
    """List the sets, check a folder, or audit its onsets."""
    if args.what is None:
        return listing(args)
    if args.folder is None:
        raise ValueError(f"name the folder: rtalign datasets {args.what} FOLDER")
    if args.what == "check":
        return check(args, progress)
    from rtalign_cli.audit import audit

    return audit(args, progress)


def listing(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every set this program knows by name."""
    from rtalign.recordings.datasets.catalogue import CATALOGUE

    if not args.json:
        for known in CATALOGUE:
            people = f"{known.people} people" if known.people > 1 else "1 person"
            title = f"{known.name}: {known.language}, {people}, {known.machine}"
            print(f"{known.key:<12} {_wrapped(title, 13)}")
            for name, text in (
                ("hours", known.hours),
                ("licence", known.licence),
                ("size", known.size),
                ("where", known.place),
                ("how", known.how),
                ("layout", known.layout),
            ):
                print(f"{'':12} {name:<8} {_wrapped(text, 22)}")
            print()
        also = "any BIDS data set with words, FIF, CTF, KIT or BTi with a word table, XDF, recorded sessions"
        print(f"{'also':<12} {_wrapped(also, 13)}")
        print(_wrapped("Nothing is ever downloaded; look through what you have with: rtalign datasets check FOLDER", 0))
    return [asdict(known) for known in CATALOGUE]


def check(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """What is there, what is missing, what will be skipped and why."""
    from rtalign.recordings import check_folder
    from rtalign_cli.inputs import streams_of

    with ExitStack() as stack:
        stages: list[Stage] = []

        def tell(done: int, total: int) -> None:
            if not stages:  # how many files there are is known with the first of them
                stages.append(stack.enter_context(progress.stage("look through", total, "files")))
            stages[0].advance(done - stages[0].done)

        filters = {name: getattr(args, name) for name in ("subject", "session", "task", "run")}
        asked = {name: labels for name, labels in filters.items() if labels is not None}
        how = {"word_table": args.word_table, "streams": streams_of(args)}
        found = check_folder.check(args.folder, signal=args.signal, tell=tell, asked=asked, how=how)
    if not args.json:
        print("\n".join(said(found)))
    return {
        "ok": found.usable,
        "folder": str(found.folder),
        "set": found.known.key if found.known else None,
        "hours": found.total("seconds") / 3600,
        "words": int(found.total("n_words")),
        "runs": int(found.total("n_runs")),
        "findings": [asdict(line) for line in found.lines],
    }


def said(found: Checked) -> list[str]:
    """The findings for a person: whole files by subject and session, then everything that is not whole."""
    unknown = "no published set that this program knows by name; read as BIDS" if found.is_set else "one recording"
    name = found.known.name if found.known else unknown
    lines = [_wrapped(f"{found.folder}: {name}", 0), ""]
    lines += [f"{MARKS['ok']} {text}" for text in _whole([line for line in found.lines if line.status == "ok"])]
    for status in ("note", "skipped", "missing", "broken"):
        lines += _others([line for line in found.lines if line.status == status])
    hours, words, runs = (found.total(field) for field in ("seconds", "n_words", "n_runs"))
    total = f"{runs:.0f} run{'s' * (runs != 1)}, {hours / 3600:.2f} hours, {words:,.0f} words can be used"
    broken = sum(line.status == "broken" for line in found.lines)
    if broken:
        total += "; 1 file is broken, see above" if broken == 1 else f"; {broken} files are broken, see above"
    return [*lines, "", _wrapped(total, 0)]


def _whole(lines: list[Line]) -> Iterator[str]:
    """One text a session, or a person where there are no sessions."""
    from rtalign.recordings.bids_names import entities

    def session(line: Line) -> str:
        labels = entities(line.what)
        return " ".join(f"{key}-{labels[key]}" for key in ("sub", "ses") if key in labels) or line.what

    for who, own in groupby(lines, session):
        group = list(own)
        seconds, words, runs = (sum(getattr(one, f) for one in group) for f in ("seconds", "n_words", "n_runs"))
        machines = ", ".join(dict.fromkeys(one.why for one in group))
        count = f"{runs:3d} run{' ' if runs == 1 else 's'}"
        yield f"{who:<18} {count}  {seconds / 60:6.1f} min  {words:7,d} words  {machines}"


def _others(lines: list[Line]) -> list[str]:
    """One text a finding; what is said of several files is said once."""
    texts: dict[str, list[str]] = {}
    for line in lines:
        texts.setdefault(line.why, []).append(line.what)
    status = lines[0].status if lines else ""
    told = []
    for why, what in texts.items():
        more = f" and {len(what) - 1} more" if len(what) > 1 else ""
        text = why if why.startswith(what[0]) else f"{_short(what[0])}{more}: {why}"
        told.append(f"{MARKS[status]} {status:<8} {_wrapped(text, 11)}")
    return told


def _short(name: str) -> str:
    """A recording as a person calls it: person, session and run, without what all of them share."""
    from rtalign.recordings.bids_names import entities

    labels = entities(name)
    told = [f"{key}-{labels[key]}" for key in ("sub", "ses", "run", "repeat") if key in labels]
    return " ".join(told) if "sub" in labels and labels.get("task") not in ("noise", "empty", "rest") else name


def _wrapped(text: str, indent: int) -> str:
    width = min(max(shutil.get_terminal_size((WIDEST, 24)).columns, NARROWEST), WIDEST)
    return f"\n{' ' * indent}".join(textwrap.wrap(text, width - indent, break_on_hyphens=False))
