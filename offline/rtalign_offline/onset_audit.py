"""The recorded sound beside the wav, and the field beside the words, run by run: one constant for the site."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.report.figures.svg import Frame, figure, text, ticks, x_axis, y_axis
from rtalign.report.html import Markup, figure_css, join, number, tag

if TYPE_CHECKING:
    from rtalign.recordings.quality.sound_lag import Lag
    from rtalign.recordings.quality.word_locked import Locked


CHANNELS = ("UADC003", "AUDIO", "MISC001", "MISC 001", "MISC007")
"""Where machines keep the sound, unless --audio names another."""

LEAD_S = 5.0
CLOSE_S, CLOSE_PPM = 0.002, 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one run.  why : the reason where a part is missing."""

    name: str
    lag: Lag | None
    locked: Locked | None
    why: tuple[str, ...]


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
    from rtalign.recordings.quality.word_locked import field_strength

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
    from rtalign.recordings.datasets.sounds import sound_of
    from rtalign.recordings.quality.sound_lag import sound_lag
    from rtalign.recordings.wav_file import read_wav

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


def as_dict(one: Found) -> dict[str, Any]:
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


WIDTH, HEIGHT = 650, 330
EXPECTED_S = (0.05, 0.6)
"""When fields answer a word that was heard: from the first cortical response to the last of those to its meaning."""


def write(folder: Path, found: Sequence[Found], planted: Sequence[float] = ()) -> list[Path]:
    """delays.svg where sounds were compared, answers.svg where words were; no file where there is nothing to show."""
    drawn = {"delays.svg": delays(found), "answers.svg": answers(found, planted)}
    paths = []
    for name, drawing in drawn.items():
        if drawing is not None:
            paths.append(folder / name)
            paths[-1].write_text(drawing, encoding="utf-8")
    return paths


def delays(found: Sequence[Found]) -> Markup | None:
    """Delay of every window over the time in its run: a level line is a constant, a slope is a drift."""
    lags = [one.lag for one in found if one.lag]
    if not lags:
        return None
    values = np.concatenate([lag.delays for lag in lags])
    room = max(0.2 * float(np.ptp(values)), 0.002)
    end = max(float(lag.times.max()) for lag in lags)
    frame = _frame((0.0, end * 1.05), (float(values.min()) - room, float(values.max()) + room))
    return figure(
        WIDTH, HEIGHT, "Delay of the recorded sound over the time in the run",
        tag("style", Markup(figure_css())),
        x_axis(frame, ticks(frame.x, 6), "time in the run (s)"),
        y_axis(frame, ticks(frame.y, 5), "delay (ms)", 1000),
        [_points(frame, lag.times, lag.delays) for lag in lags],
    )  # fmt: skip


def answers(found: Sequence[Found], planted: Sequence[float] = ()) -> Markup | None:
    """Word-locked field strength over lag, one line a run, words at 0; shaded, where an answer is planted or expected.

    planted : latencies that a simulation tells, s.
    """
    locked = [one.locked for one in found if one.locked]
    if not locked:
        return None
    top = max(float(one.strength.max()) for one in locked)
    frame = _frame((float(locked[0].lags[0]), float(locked[0].lags[-1])), (0.0, 1.1 * top))
    zero = tag("path", d=f"M{number(frame.px(0.0))} {number(frame.top)}V{number(frame.bottom)}", class_="level")
    return figure(
        WIDTH, HEIGHT, "Strength of the field that follows words, over lag",
        tag("style", Markup(figure_css())),
        x_axis(frame, ticks(frame.x, 8), "lag after word onset (ms)", 1000),
        y_axis(frame, ticks(frame.y, 5), "field over its standard error"),
        _where(frame, planted),
        zero,
        [_curve(frame, one.lags, one.strength) for one in locked],
        text(frame.px(0.0) + 4, frame.top + 12, "word", "legend"),
    )  # fmt: skip


def _where(frame: Frame, planted: Sequence[float]) -> Markup:
    """A band over the lags at which a sound alignment answers; a peak outside it tells of a wrong one."""
    first, last = (min(planted), max(planted)) if planted else EXPECTED_S
    left, right = (frame.px(min(max(s, frame.x[0]), frame.x[1])) for s in (first, last))
    band = tag("rect", x=left, y=frame.top, width=max(right - left, 2.0), height=frame.height, class_="interval")
    return join(band, text(right + 4, frame.top + 28, "planted" if planted else "expected", "legend"))


def _frame(x: tuple[float, float], y: tuple[float, float]) -> Frame:
    return Frame(66, 18, WIDTH - 66 - 24, HEIGHT - 18 - 46, x, y)


def _points(frame: Frame, xs: np.ndarray, ys: np.ndarray) -> list[Markup]:
    dots = [
        tag("circle", cx=number(frame.px(x)), cy=number(frame.py(y)), r="2.5", fill="currentColor")
        for x, y in zip(xs, ys, strict=True)
    ]
    return [*dots, _curve(frame, xs, ys)]


def _curve(frame: Frame, xs: np.ndarray, ys: np.ndarray) -> Markup:
    return tag("path", d=frame.line(xs, ys), fill="none", stroke="currentColor", stroke_width="1.5", opacity="0.7")
