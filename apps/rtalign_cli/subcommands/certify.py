"""certify: measures the timing of this machine, or of the lab's own streams, and leaves a page to be signed."""

from __future__ import annotations

import argparse
import contextlib
import html
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rtalign.core.machine import cpu_count
from rtalign.core.progress import Progress
from rtalign.core.storage.files import write_atomically
from rtalign_cli.checks import require_writable
from rtalign_cli.subcommands.live import use_loopback
from rtalign_cli.text import print_lines

if TYPE_CHECKING:
    from rtalign.streams.certificate import MeasuredValue

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Timing of {host}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto}}td,th{{padding:.2em 1em;text-align:left}}
td.n{{text-align:right}}.failed{{font-weight:bold}}.sign td{{padding-top:3em}}</style>
<h1>Timing: {verdict}</h1>
<p>{what}, {seconds:g} s on {date}.<br>{machine}; rtalign {version}, Python {python}.</p>
<table><tr><th>measured</th><th>value</th><th>at most</th><th></th></tr>
{rows}
</table>
<p>Latency is from a sample's or a marker's stamp to its arrival in the program. Sound is not measured: that a stimulus
is heard when its marker says so must be shown with a microphone or a cable.</p>
<table class="sign"><tr><td>Name ______________________</td><td>Date ______________</td>
<td>Signature ______________________</td></tr></table>
"""


def certify(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Measure, print and write the page; `ok` is false where a limit is exceeded."""
    from rtalign.streams import certificate
    from rtalign.streams.live.raw_source import RawSource

    require_writable(args.out.parent)
    own = args.meg is None
    with sender(progress) if own else contextlib.nullcontext((args.meg, args.words)) as (meg, words):
        source = RawSource(meg, words, with_markers=own or words is not None)
        try:
            with progress.stage("measuring", round(args.seconds), "s") as stage:
                shown = [0]

                def tick(passed: float) -> None:
                    while shown[0] < min(int(passed), round(args.seconds)):
                        shown[0] += 1
                        stage.advance()

                checks = certificate.judge(certificate.measure(source, args.seconds, tick))
        finally:
            source.close()
    what = (
        "Test streams of this machine (275 channels, 1200 Hz)" if own else f"Streams {meg} and {words or 'no markers'}"
    )
    ok = all(check.passed for check in checks)
    write_atomically(args.out, page(what, args.seconds, checks))
    if not args.json:
        print_lines([*map(line_of, checks), "", f"{'passed' if ok else 'FAILED'}: {args.out}"])
    return {"ok": ok, "page": str(args.out), "checks": [asdict(check) | {"passed": check.passed} for check in checks]}


@contextlib.contextmanager
def sender(progress: Progress) -> Iterator[tuple[str, str]]:
    """Test streams from another process, on loopback unless the user's LSL configuration says otherwise."""
    from rtalign.streams.certificate import start_sender

    use_loopback()
    name = f"certify-{os.getpid()}"
    progress.say("measuring this machine with streams of its own; --meg NAME measures those of the lab")
    process = start_sender(name)
    try:
        yield f"{name}-meg", f"{name}-words"
    finally:
        process.terminate()
        process.wait()


def line_of(check: MeasuredValue) -> str:
    """A check in one line."""
    limit = f"   at most {check.limit:g}" if check.limit is not None else ""
    return f"  {'■' if not check.passed else '●'} {check.name:<36} {value_of(check):>14}{limit}"


def value_of(check: MeasuredValue) -> str:
    if check.value is None:
        return "not measured"
    return f"{check.value:,.0f}" if not check.unit else f"{check.value:.2f} {check.unit}"


def page(what: str, seconds: float, checks: Sequence[MeasuredValue]) -> str:
    """The page, of one file."""
    rows = "\n".join(
        f"<tr{'' if check.passed else ' class=failed'}><td>{html.escape(check.name)}</td>"
        f'<td class="n">{html.escape(value_of(check))}</td><td class="n">'
        f"{'' if check.limit is None else f'{check.limit:g}'}</td><td>{'' if check.passed else 'exceeded'}</td></tr>"
        for check in checks
    )
    return PAGE.format(
        host=html.escape(platform.node()), verdict="passed" if all(check.passed for check in checks) else "FAILED",
        what=html.escape(what), seconds=seconds, date=time.strftime("%Y-%m-%d %H:%M"), rows=rows,
        machine=html.escape(f"{platform.node()}, {platform.platform()}, {cpu_count()} cores"),
        version=version("rtalign"), python=platform.python_version(),
    )  # fmt: skip
