"""Audits word onsets run by run: the recorded sound against the wav, the field against the words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtalign.core.storage.json_toml import read_json
from rtalign.report.figures.svg import Frame, figure, text, ticks, x_axis, y_axis
from rtalign.report.html import Markup, figure_css, join, number, tag

if TYPE_CHECKING:
    from rtalign.recordings import FileRecording
    from rtalign.recordings.quality.sound_lag import SoundLag
    from rtalign.recordings.quality.word_locked import WordLockedField

CHANNELS = ("UADC003", "AUDIO", "MISC001", "MISC 001", "MISC007")
"""Where MEG systems record the sound, unless --audio names another channel."""

CTF_ANALOGUE = re.compile(r"UADC\d{3}")
CTF_SAMPLES = 4
"""On a CTF the field lags the analogue channels, and so the sound that they record, by so many samples."""

LEAD_S = 5.0
CLOSE_S, CLOSE_PPM = 0.002, 10.0
"""Delays that lie closer together than 2 x 2 ms, and drifts below 10 ppm, are taken as one constant."""


@dataclass(frozen=True, slots=True)
class OnsetAudit:
    """The audit of one run.

    Attributes
    ----------
    name : str
        Name of the recording.
    lag : SoundLag or None
        Delay and drift of the recorded sound against the wav.
    field_lag_s : float
        How far the field lags the channel that recorded the sound: not zero on a CTF.
    locked : WordLockedField or None
        Strength of the field that follows words, over lag.
    reasons : tuple of str
        Why a part is missing, one sentence each.
    """

    name: str
    lag: SoundLag | None
    locked: WordLockedField | None
    reasons: tuple[str, ...]
    field_lag_s: float = 0.0

    @property
    def audio_delay_s(self) -> float | None:
        """From the trigger to the sound, on the clock of the field; None where it could not be measured."""
        return self.lag.delay_s + self.field_lag_s if self.lag else None

    def as_dict(self) -> dict[str, Any]:
        """The audit as JSON has it."""
        lag, locked = self.lag, self.locked
        return {
            "run": self.name,
            "delay_s": lag.delay_s if lag else None,
            "field_lag_s": self.field_lag_s,
            "audio_delay_s": self.audio_delay_s,
            "delay_error_s": lag.delay_error_s if lag else None,
            "drift_ppm": lag.drift_ppm if lag else None,
            "drift_error_ppm": lag.drift_error_ppm if lag else None,
            "similarity": lag.similarity if lag else None,
            "windows": len(lag.times) if lag else 0,
            "windows_unlike": lag.n_unlike if lag else 0,
            "word_peak_s": locked.peak_s if locked else None,
            "word_peak_ratio": locked.ratio if locked else None,
            "words": locked.n_words if locked else 0,
            "reasons": list(self.reasons),
        }


def audit_onsets(recording: FileRecording, sound: Path | None = None, channel: str | None = None) -> OnsetAudit:
    """Compare one run with its sound and with its words; a part that cannot be computed becomes a reason.

    Parameters
    ----------
    recording : FileRecording
        The run, with its words.
    sound : Path, optional
        The wav that was played; by default the one that the data set names.
    channel : str, optional
        Channel that recorded the sound; by default the first of `CHANNELS` that is there.

    Returns
    -------
    OnsetAudit
        What could be computed, and why the rest could not.
    """
    from rtalign.recordings.quality.word_locked import field_strength

    reasons: list[str] = []
    lag, locked, field_lag = None, None, 0.0
    try:
        name = _sound_channel(recording, channel)
        lag, field_lag = _sound_lag(recording, sound, name), _field_lag(recording, name)
    except ValueError as error:
        reasons.append(str(error))
    try:
        locked = field_strength(recording)
    except ValueError as error:
        reasons.append(str(error))
    return OnsetAudit(recording.name, lag, locked, tuple(reasons), field_lag)


def _sound_channel(recording: FileRecording, channel: str | None) -> str:
    present = [name for name in ([channel] if channel else CHANNELS) if name in recording.channel_names]
    if not present:
        raise ValueError(f"{recording.name} has no channel {channel or ', '.join(CHANNELS)}; name it with --audio NAME")
    return present[0]


def _field_lag(recording: FileRecording, channel: str) -> float:
    return CTF_SAMPLES / recording.sfreq if CTF_ANALOGUE.match(channel) else 0.0


def _sound_lag(recording: FileRecording, sound: Path | None, channel: str) -> SoundLag:
    from rtalign.recordings.datasets import wav_of
    from rtalign.recordings.quality.sound_lag import measure_sound_lag
    from rtalign.recordings.wav_file import read_wav

    wav = sound or wav_of(recording)
    if wav is None:
        raise ValueError(f"there is no wav for {recording.name}; name one run and its wav with --run and --sound FILE")
    played, rate = read_wav(wav)
    start = recording.start if recording.sound_onset is None else recording.sound_onset - LEAD_S
    length = recording.seconds if recording.sound_onset is None else len(played) / rate + 2 * LEAD_S
    recorded = recording.read_channel(channel, start, length)
    trigger = None if recording.sound_onset is None else recording.sound_onset - recorded.start
    return measure_sound_lag(recorded.data[:, 0], recording.sfreq, played, rate, trigger_s=trigger)


def propose_delay(audits: Sequence[OnsetAudit]) -> dict[str, Any] | None:
    """One delay from trigger to sound for the site.

    Parameters
    ----------
    audits : sequence of OnsetAudit
        Of all runs; those whose sound could not be compared do not count.

    Returns
    -------
    dict or None
        `audio_delay_s`, `spread_s` between runs, `drift_ppm`, and whether `runs_agree` and `clocks_agree`; None
        without any run.
    """
    lags = [one.lag for one in audits if one.lag]
    delays = np.array([one.audio_delay_s for one in audits if one.lag])
    if not lags:
        return None
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


def planted_latencies(folder: Path) -> list[float]:
    """The latencies that were planted in a simulated recording.

    Parameters
    ----------
    folder : Path
        Folder of a recording.

    Returns
    -------
    list of float
        Seconds, one a layer; empty for a recording that is not simulated.
    """
    path = folder / "ground_truth.json"
    try:
        truth = read_json(path).get("latencies") or {} if path.is_file() else {}
        return [float(latency) for latency in truth.values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not say what was planted ({error}); simulate it again") from None


WIDTH, HEIGHT = 650, 330
EXPECTED_S = (0.05, 0.6)
"""When fields respond to a spoken word: from the first cortical response to the last one that depends on meaning."""


def write_figures(folder: Path, audits: Sequence[OnsetAudit], planted: Sequence[float] = ()) -> list[Path]:
    """Draw the audits of all runs into one folder.

    Parameters
    ----------
    folder : Path
        An existing folder.
    audits : sequence of OnsetAudit
        One for each run.
    planted : sequence of float
        Latencies of a simulated response, s.

    Returns
    -------
    list of Path
        delays.svg where sounds were compared, responses.svg where words were; no file where there is nothing to show.
    """
    figures = {"delays.svg": delay_figure(audits), "responses.svg": response_figure(audits, planted)}
    paths = []
    for name, drawing in figures.items():
        if drawing is not None:
            paths.append(folder / name)
            paths[-1].write_text(drawing, encoding="utf-8")
    return paths


def delay_figure(audits: Sequence[OnsetAudit]) -> Markup | None:
    """Delay of every window over the time in its run: a level line is a constant, a slope is a drift."""
    lags = [one.lag for one in audits if one.lag]
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


def response_figure(audits: Sequence[OnsetAudit], planted: Sequence[float] = ()) -> Markup | None:
    """Word-locked field strength over lag, one line a run, words at 0; shaded: where a response is planted or expected.

    planted : latencies of a simulated response, s.
    """
    locked = [one.locked for one in audits if one.locked]
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
        _expected_band(frame, planted),
        zero,
        [_curve(frame, one.lags, one.strength) for one in locked],
        text(frame.px(0.0) + 4, frame.top + 12, "word", "legend"),
    )  # fmt: skip


def _expected_band(frame: Frame, planted: Sequence[float]) -> Markup:
    """A band over the lags where a correct alignment has its response; a peak outside means a wrong alignment."""
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
