"""datasets audit: where the words of a recording sit beside its sound and its field."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtalign.core.progress import Progress

if TYPE_CHECKING:
    from rtalign_offline.onset_audit import Found


def audit(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Delay and drift of each run, and the field that follows its words; a proposal; figures where --out names them."""
    from rtalign.recordings import open_recordings
    from rtalign_cli.inputs import open_options
    from rtalign_offline.onset_audit import as_dict, examined, planted, proposal, write

    recordings = open_recordings(args.folder, **open_options(args))
    if args.sound is not None and len(recordings) > 1:
        raise ValueError(f"--sound names one wav, and there are {len(recordings)} runs; choose one with --run")
    found = []
    with progress.stage("audit", sum(r.seconds for r in recordings) / 60, "min") as stage:
        for recording in recordings:
            found.append(examined(recording, args.sound, args.audio))
            stage.advance(recording.seconds / 60)
    proposed = proposal([one.lag for one in found if one.lag])
    result: dict[str, Any] = {
        "ok": any(one.lag or one.locked for one in found),
        "runs": [as_dict(one) for one in found],
        "proposal": proposed,
    }
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        result["figures"] = [str(path) for path in write(args.out, found, planted(args.folder))]
    if not args.json:
        print("\n".join(lines(found, proposed)))
    return result


def lines(found: Sequence[Found], proposed: dict[str, Any] | None) -> list[str]:
    """One line a run, then the constant."""
    lines = [f"{'run':<40} {'delay (ms)':>16} {'drift (ppm)':>16} {'alike':>6} {'words answered at':>20}"]
    for one in found:
        lag, locked = one.lag, one.locked
        delay = f"{1e3 * lag.delay_s:.2f} ± {1e3 * lag.delay_error_s:.2f}" if lag else "–"
        drift = f"{lag.drift_ppm:+.1f} ± {lag.drift_error_ppm:.1f}" if lag and lag.drift_ppm is not None else "–"
        alike = f"{lag.similarity:.2f}" if lag else "–"
        peak = "–"
        if locked:
            when = "no clear peak" if locked.peak_s is None else f"{1e3 * locked.peak_s:.0f} ms"
            peak = f"{when} ({locked.ratio:.1f}x)"
        lines.append(f"{one.name[:40]:<40} {delay:>16} {drift:>16} {alike:>6} {peak:>20}")
        lines += [f"    {reason}" for reason in one.why]
    if proposed is None:
        return lines
    constant = f"sound comes {1e3 * proposed['audio_delay_s']:.1f} ms after its trigger: --audio-delay"
    lines += ["", f"{constant} {proposed['audio_delay_s']:.4f} for onsets that count from triggers"]
    if not proposed["runs_agree"]:
        lines.append(f"the runs differ by {1e3 * proposed['spread_s']:.1f} ms: one constant does not serve them all")
    if not proposed["clocks_agree"]:
        lines.append(
            "the player's clock drifts against the recorder's: correct onsets run by run, or use recorded sound"
        )
    return lines
