"""datasets: the sets that are known, what a folder holds of one, and whether its words sit where the sound was."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from offline.progress import Progress, Stage

if TYPE_CHECKING:
    from rtalign.datasets.checking import Checked, Line

MARKS = {"ok": "●", "note": "·", "missing": "○", "skipped": "–", "broken": "✗"}
WIDTH = 118


def datasets(args: argparse.Namespace, progress: Progress) -> Any:
    """List the sets, check a folder, or audit its onsets."""
    if args.what is None:
        return listing(args)
    if args.folder is None:
        raise ValueError(f"name the folder: rtalign datasets {args.what} FOLDER")
    if args.what == "check":
        return check(args, progress)
    from offline.audit import audit

    return audit(args, progress)


def listing(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every set this program knows by name."""
    from rtalign.datasets.catalogue import CATALOGUE

    if not args.json:
        for known in CATALOGUE:
            people = f"{known.people} people" if known.people > 1 else "1 person"
            print(f"{known.key:<12} {known.name}: {known.language}, {people}, {known.machine}")
            for name, text in (
                ("hours", known.hours),
                ("licence", known.licence),
                ("size", known.size),
                ("where", known.place),
            ):
                print(f"{'':12} {name:<8} {text}")
            for name, text in (("how", known.how), ("layout", known.layout)):
                print(f"{'':12} {name:<8} {_wrapped(text, 22)}")
            print()
        print("also: any BIDS data set with words, FIF, CTF, KIT or BTi with a word table, XDF, recorded sessions")
        print("nothing is ever downloaded; look through what you have with: rtalign datasets check FOLDER")
    return [asdict(known) for known in CATALOGUE]


def check(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """What is there, what is missing, what will be skipped and why."""
    from offline.commands import streams_of
    from rtalign.datasets import checking

    with ExitStack() as stack:
        stages: list[Stage] = []

        def tell(done: int, total: int) -> None:
            if not stages:  # how many files there are is known with the first of them
                stages.append(stack.enter_context(progress.stage("look through", total, "files")))
            stages[0].advance(done - stages[0].done)

        filters = {name: getattr(args, name) for name in ("subject", "session", "task", "run")}
        asked = {name: labels for name, labels in filters.items() if labels is not None}
        how = {"word_table": args.word_table, "streams": streams_of(args)}
        found = checking.check(args.folder, signal=args.signal, tell=tell, asked=asked, how=how)
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
    name = found.known.name if found.known else "no published set that this program knows by name; read as BIDS"
    lines = [f"{found.folder}: {name}", ""]
    lines += [f"{MARKS['ok']} {text}" for text in _whole([line for line in found.lines if line.status == "ok"])]
    for status in ("note", "missing", "skipped", "broken"):
        lines += _others([line for line in found.lines if line.status == status])
    hours, words, runs = (found.total(field) for field in ("seconds", "n_words", "n_runs"))
    total = f"{runs:.0f} runs, {hours / 3600:.2f} hours, {words:,.0f} words can be used"
    broken = sum(line.status == "broken" for line in found.lines)
    return [*lines, "", total + (f"; {broken} files are broken, mend or remove them" if broken else "")]


def _whole(lines: list[Line]) -> Iterator[str]:
    """One text a session, or a person where there are no sessions."""
    from rtalign.datasets.bidsnames import entities

    def session(line: Line) -> str:
        labels = entities(line.what)
        return " ".join(f"{key}-{labels[key]}" for key in ("sub", "ses") if key in labels) or line.what

    for who, own in groupby(lines, session):
        group = list(own)
        seconds, words, runs = (sum(getattr(one, f) for one in group) for f in ("seconds", "n_words", "n_runs"))
        machines = ", ".join(dict.fromkeys(one.why for one in group))
        yield f"{who:<18} {runs:3d} runs  {seconds / 60:6.1f} min  {words:7,d} words  {machines}"


def _others(lines: list[Line]) -> list[str]:
    """One text a finding; what is said of several files is said once."""
    texts: dict[str, list[str]] = {}
    for line in lines:
        texts.setdefault(line.why, []).append(line.what)
    status = lines[0].status if lines else ""
    told = []
    for why, what in texts.items():
        more = f" and {len(what) - 1} more" if len(what) > 1 else ""
        told.append(f"{MARKS[status]} {status:<8} {_wrapped(f'{what[0]}{more}: {why}', 11)}")
    return told


def _wrapped(text: str, indent: int) -> str:
    return f"\n{' ' * indent}".join(textwrap.wrap(text, WIDTH - indent, break_on_hyphens=False))
