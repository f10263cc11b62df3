"""datasets: lists the known data sets, checks what a folder holds, audits its word onsets."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress, Stage
from rtalign.core.site import Site
from rtalign.core.text.plain_text import in_a_line
from rtalign_cli.checks import require_paths
from rtalign_cli.inputs import base_recipe, open_options
from rtalign_cli.text import print_lines
from rtalign_cli.usage import UsageError

if TYPE_CHECKING:
    from rtalign.recordings import Finding, FolderReport
    from rtalign_offline import OnsetAudit

MARKS = {"ok": "●", "note": "·", "missing": "○", "skipped": "–", "broken": "✗"}
NARROWEST, WIDEST = 60, 118
"""Columns at which text is wrapped, whatever the terminal says."""


def datasets(args: argparse.Namespace, progress: Progress) -> Any:
    """List the data sets, check a folder, or audit its onsets."""
    if args.what is None:
        return list_datasets(args)
    if args.folder is None:
        raise UsageError(f"name the folder: rtalign datasets {args.what} FOLDER")
    require_paths([args.folder], "folder")
    require_paths([args.sound], "sound")
    require_paths([args.recipe], "recipe")
    return (check if args.what == "check" else audit)(args, progress)


def list_datasets(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Every data set that is known by name."""
    from rtalign.recordings.datasets import DATA_SETS

    catalogue = [data_set.entry for data_set in DATA_SETS]
    if not args.json:
        for known in catalogue:
            people = f"{known.people} participants" if known.people > 1 else "1 participant"
            title = f"{known.name}: {known.language}, {people}, {known.machine}"
            print_lines([f"{known.key:<12} {_wrapped(title, 13)}"])
            for name, text in (
                ("hours", known.hours),
                ("licence", known.licence),
                ("size", known.size),
                ("where", known.place),
                ("how", known.how),
                ("layout", known.layout),
            ):
                print_lines([f"{'':12} {name:<8} {_wrapped(text, 22)}"])
            print_lines([""])
        also = "any BIDS data set with words, FIF, CTF, KIT or BTi with a word table, XDF, recorded sessions"
        print_lines([f"{'also':<12} {_wrapped(also, 13)}"])
        how = "Nothing is ever downloaded. To check what you have: rtalign datasets check FOLDER"
        print_lines([_wrapped(how, 0)])
    return [asdict(known) for known in catalogue]


def check(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """What is there, what is missing, what will be skipped and why."""
    from rtalign.recordings import check_folder

    with ExitStack() as stack:
        stages: list[Stage] = []

        def show(done: int, total: int) -> None:
            if not stages:  # the number of files is known with the first of them
                stages.append(stack.enter_context(progress.stage("check", total, "files")))
            stages[0].advance(done - stages[0].done)

        recipe = base_recipe(args)
        checked = check_folder(args.folder, recipe=recipe, signal=args.signal, progress=show, **open_options(args))
    if not args.json:
        print_lines(check_lines(checked, args.signal))
    return {
        "ok": checked.usable,
        "folder": str(checked.folder),
        "set": checked.known.key if checked.known else None,
        "hours": checked.seconds / 3600,
        "words": checked.n_words,
        "skipped": dict(sorted(checked.skipped.items())),
        "runs": checked.n_runs,
        "findings": [asdict(finding) for finding in checked.findings],
    }


def check_lines(checked: FolderReport, signal: bool) -> list[str]:
    """The findings for a person: complete recordings by subject and session, then everything else.

    signal : whether the signal was read.
    """
    unknown = "no published data set that is known by name; read as BIDS" if checked.is_folder else "one recording"
    name = checked.known.name if checked.known else unknown
    lines = [_wrapped(f"{checked.folder}: {name}", 0), ""]
    by_status = {status: [one for one in checked.findings if one.status == status] for status in MARKS}
    lines += [f"{MARKS['ok']} {text}" for text in _complete(by_status["ok"])]
    for status in ("note", "skipped", "missing", "broken"):
        lines += _others(by_status[status])
    runs = checked.n_runs
    total = f"{runs} run{'s' * (runs != 1)}, {checked.seconds / 3600:.2f} hours, {checked.n_words:,} words can be used"
    broken = len(by_status["broken"])
    if broken:
        total += "; 1 file is broken, see above" if broken == 1 else f"; {broken} files are broken, see above"
    if runs and not signal:
        total += "; of the signal itself nothing was read, --signal looks for bad values and wrong units"
    lines += ["", _wrapped(total, 0)]
    if checked.skipped:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(checked.skipped.items()))
        lines.append(_wrapped(f"not used: {reasons}", 0))
    return lines


def _complete(lines: list[Finding]) -> Iterator[str]:
    """One text for each session, or person where there are no sessions."""
    from rtalign.recordings.bids import entities

    def session(line: Finding) -> str:
        labels = entities(line.name)
        return " ".join(f"{key}-{labels[key]}" for key in ("sub", "ses") if key in labels) or line.name

    for name, members in groupby(lines, session):
        group = list(members)
        seconds, words, runs = (
            sum(o.seconds for o in group),
            sum(o.n_words for o in group),
            sum(o.n_runs for o in group),
        )
        machines = ", ".join(dict.fromkeys(one.text for one in group))
        count = f"{runs:3d} run{' ' if runs == 1 else 's'}"
        yield f"{name:<18} {count}  {seconds / 60:6.1f} min  {words:7,d} words  {machines}"


def _others(lines: list[Finding]) -> list[str]:
    """One text for each finding; what is true of several files is said once."""
    texts: dict[str, list[str]] = {}
    for line in lines:
        texts.setdefault(line.text, []).append(line.name)
    status = lines[0].status if lines else ""
    out = []
    for reason, names in texts.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        text = reason if reason.startswith(names[0]) else f"{_short(names[0])}{more}: {reason}"
        out.append(f"{MARKS[status]} {status:<8} {_wrapped(text, 11)}")
    return out


def _short(name: str) -> str:
    """A recording as a person calls it: person, session and run, without what all of them share."""
    from rtalign.recordings.bids import entities

    labels = entities(name)
    parts = [f"{key}-{labels[key]}" for key in ("sub", "ses", "run", "repeat") if key in labels]
    return " ".join(parts) if "sub" in labels and labels.get("task") not in ("noise", "empty", "rest") else name


def _wrapped(text: str, indent: int) -> str:
    width = min(max(shutil.get_terminal_size((WIDEST, 24)).columns, NARROWEST), WIDEST)
    return f"\n{' ' * indent}".join(textwrap.wrap(text, width - indent, break_on_hyphens=False))


def audit(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Delay and drift of the sound of each run, and the response to its words; one constant for the site."""
    from rtalign.recordings import open_recordings
    from rtalign_offline import audit_onsets, planted_latencies, propose_delay, write_figures

    recordings = open_recordings(args.folder, **open_options(args))
    if args.sound is not None and len(recordings) > 1:
        raise ValueError(f"--sound names one wav, and there are {len(recordings)} runs; choose one with --run")
    audits = []
    with progress.stage("audit", sum(r.seconds for r in recordings) / 60, "min") as stage:
        for recording in recordings:
            audits.append(audit_onsets(recording, args.sound, args.audio))
            stage.advance(recording.seconds / 60)
    proposal = propose_delay(audits)
    result: dict[str, Any] = {
        "ok": any(one.lag or one.locked for one in audits),
        "runs": [one.as_dict() for one in audits],
        "proposal": proposal,
    }
    if args.save:
        result["site"] = str(_save_delay(proposal, args.folder))
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        result["figures"] = [str(path) for path in write_figures(args.out, audits, planted_latencies(args.folder))]
    if not args.json:
        print_lines(audit_lines(audits, proposal))
        if args.save:
            print_lines([f"kept in {result['site']}: monitor uses it where --audio-delay is not given"])
    return result


def _save_delay(proposal: dict[str, Any] | None, folder: Path) -> Path:
    """Keep the delay as the site's; ValueError where there is no one delay."""
    if proposal is None or not proposal["runs_agree"]:
        reason = "it could not be measured" if proposal is None else f"runs differ by {proposal['spread_s']:.4f} s"
        raise ValueError(f"the delay is not kept: {reason}; choose other runs, or leave out --save")
    measured = f"{date.today().isoformat()}, {in_a_line(folder.absolute().name)}"
    return Site(audio_delay_s=proposal["audio_delay_s"], measured=measured).save()


def audit_lines(audits: Sequence[OnsetAudit], proposal: dict[str, Any] | None) -> list[str]:
    """One line for each run, then the proposed constant."""
    lines = [f"{'run':<40} {'delay (ms)':>16} {'drift (ppm)':>16} {'alike':>6} {'response to words':>20}"]
    for one in audits:
        lines.append(_audit_line(one))
        lines += [f"    {reason}" for reason in one.reasons]
    if proposal is None:
        return lines
    delay = f"sound comes {1e3 * proposal['audio_delay_s']:.1f} ms after its trigger: --audio-delay"
    lines += ["", f"{delay} {proposal['audio_delay_s']:.4f} for onsets that count from triggers"]
    if field_lag := max(one.field_lag_s for one in audits):
        lines.append(f"it holds {1e3 * field_lag:.1f} ms by which the field lags the analogue channels of a CTF")
    if not proposal["runs_agree"]:
        lines.append(f"the runs differ by {1e3 * proposal['spread_s']:.1f} ms: one constant does not fit them all")
    if not proposal["clocks_agree"]:
        lines.append(
            "the player's clock drifts against the recorder's: correct onsets run by run, or use recorded sound"
        )
    return lines


def _audit_line(one: OnsetAudit) -> str:
    lag, locked = one.lag, one.locked
    delay = f"{1e3 * lag.delay_s:.2f} ± {1e3 * lag.delay_error_s:.2f}" if lag else "–"
    drift = f"{lag.drift_ppm:+.1f} ± {lag.drift_error_ppm:.1f}" if lag and lag.drift_ppm is not None else "–"
    alike = f"{lag.similarity:.2f}" if lag else "–"
    peak = "–"
    if locked:
        time = "no clear peak" if locked.peak_s is None else f"{1e3 * locked.peak_s:.0f} ms"
        peak = f"{time} ({locked.ratio:.1f}x)"
    return f"{one.name[:40]:<40} {delay:>16} {drift:>16} {alike:>6} {peak:>20}"
