"""datasets audit: the recorded sound beside the wav, and the field beside the words, run by run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offline.progress import Progress

if TYPE_CHECKING:
    from rtalign.datasets.audit import Lag
    from rtalign.datasets.wordlocked import Locked

CHANNELS = ("UADC003", "AUDIO", "MISC001", "MISC 001", "MISC007")
"""Where machines keep the sound, unless --audio names another."""

MAX_WAV_BYTES = 2 * 1024**3
LEAD_S = 5.0
CLOSE_S, CLOSE_PPM = 0.002, 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one run.  why : the reason where a part is missing."""

    name: str
    lag: Lag | None
    locked: Locked | None
    why: tuple[str, ...]


def audit(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Delay and drift of each run, and the field that follows its words; a proposal; figures where --out names them."""
    from offline.commands import streams_of
    from rtalign.datasets import open_recordings

    filters = {name: getattr(args, name) for name in ("subject", "session", "task", "run")}
    recordings = open_recordings(args.folder, **filters, word_table=args.word_table, streams=streams_of(args))
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
        "runs": [_as_dict(one) for one in found],
        "proposal": proposed,
    }
    if args.out is not None:
        from offline.auditfigures import write

        args.out.mkdir(parents=True, exist_ok=True)
        result["figures"] = [str(path) for path in write(args.out, found, planted(args.folder))]
    if not args.json:
        print("\n".join(said(found, proposed)))
    return result


def planted(folder: Path) -> list[float]:
    """The latencies that a simulated recording's folder tells; none of any other."""
    path = folder / "ground_truth.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["latencies"] if path.is_file() else {}
        return [float(latency) for latency in told.values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not tell what was planted ({error}); simulate it again") from None


def examined(recording: Any, sound: Path | None, channel: str | None) -> Found:
    """One run; what cannot be said of it is a reason, not an end."""
    from rtalign.datasets.wordlocked import field_strength

    why: list[str] = []
    lag, locked = None, None
    try:
        lag = _lag(recording, sound, channel)
    except ValueError as error:
        why.append(str(error))
    try:
        locked = field_strength(recording)
    except ValueError as error:
        why.append(str(error))
    return Found(recording.name, lag, locked, tuple(why))


def _lag(recording: Any, sound: Path | None, channel: str | None) -> Lag:
    from rtalign.datasets.audit import sound_lag
    from rtalign.datasets.sounds import sound_of

    wav = sound or sound_of(recording)
    if wav is None:
        raise ValueError(f"there is no wav for {recording.name}; name one run and its wav with --run and --sound FILE")
    there = [name for name in ([channel] if channel else CHANNELS) if name in recording.channel_names]
    if not there:
        raise ValueError(f"{recording.name} has no channel {channel or ', '.join(CHANNELS)}; name it with --audio NAME")
    played, rate = read_wav(wav)
    begin = recording.start if recording.sound_s is None else recording.sound_s - LEAD_S
    length = recording.seconds if recording.sound_s is None else len(played) / rate + 2 * LEAD_S
    heard = recording.extra(there[0], begin, length)
    trigger = None if recording.sound_s is None else recording.sound_s - heard.start
    return sound_lag(heard.data[:, 0], recording.sfreq, played, rate, trigger_s=trigger)


def read_wav(path: Path) -> tuple[np.ndarray, float]:
    """(sample,) of a wav's channels averaged, and its rate."""
    from scipy.io import wavfile

    if not path.is_file():
        raise FileNotFoundError(f"there is no sound {path}")
    if path.stat().st_size > MAX_WAV_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size / 2**30:.1f} GiB; a run's sound has at most 2")
    try:
        rate, data = wavfile.read(path)
    except Exception as error:  # the reader stumbles over foreign bytes in every way there is
        raise ValueError(f"{path.name} is no wav that can be read: {str(error)[:100]}; save it as PCM") from error
    data = np.asarray(data, np.float32)
    return (data.mean(axis=1) if data.ndim == 2 else data), float(rate)


def proposal(lags: Sequence[Lag]) -> dict[str, Any] | None:
    """One constant for the site, where the runs agree on one."""
    if not lags:
        return None
    delays = np.array([lag.delay_s for lag in lags])
    drifts = np.array([lag.drift_ppm for lag in lags if lag.drift_ppm is not None])
    spread = float(np.ptp(delays))
    drift = float(np.median(drifts)) if len(drifts) else None
    return {
        "audio_delay_s": round(float(np.median(delays)), 4),
        "spread_s": spread,
        "drift_ppm": drift,
        "runs_agree": spread <= 2 * CLOSE_S,
        "clocks_agree": drift is None or bool(np.abs(drifts).max() <= CLOSE_PPM),
    }


def said(found: Sequence[Found], proposed: dict[str, Any] | None) -> list[str]:
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


def _as_dict(one: Found) -> dict[str, Any]:
    lag, locked = one.lag, one.locked
    return {
        "run": one.name,
        "delay_s": lag.delay_s if lag else None,
        "delay_error_s": lag.delay_error_s if lag else None,
        "drift_ppm": lag.drift_ppm if lag else None,
        "drift_error_ppm": lag.drift_error_ppm if lag else None,
        "similarity": lag.similarity if lag else None,
        "windows": len(lag.times) if lag else 0,
        "windows_unlike": lag.n_unlike if lag else 0,
        "word_peak_s": locked.peak_s if locked else None,
        "word_peak_ratio": locked.ratio if locked else None,
        "words": locked.n_words if locked else 0,
        "why": list(one.why),
    }
