"""Onset audit: how late, and how fast, the sound ran that a recording holds beside the sound that was played."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import correlate, resample_poly

SMOOTH_S = 0.004
WINDOW_S = 20.0
NEAR_S = 0.15
"""How far from the coarse delay a window is searched: a drift of 200 ppm moves ten minutes by 0.12 s."""

ALIKE = 0.5
"""Least correlation of two envelopes of one sound; those of different speech reach 0.3 within a window's reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Lag:
    """What a recorded sound is beside the sound that was played.

    delay_s : from the trigger to the sound's first sample.  drift_ppm : how much slower the player's clock ran than the
    recorder's; None where less than three windows tell.  Errors are standard errors of the line through the windows.
    """

    delay_s: float
    delay_error_s: float
    drift_ppm: float | None
    drift_error_ppm: float | None
    similarity: float
    times: np.ndarray
    """(window,) middle of each window in the sound, s."""
    delays: np.ndarray
    """(window,) delay of each window, s."""
    n_unlike: int
    """Windows in which the recording does not hold the sound, or not loud enough."""


def sound_lag(
    recorded: np.ndarray, sfreq: float, sound: np.ndarray, sound_sfreq: float, *, trigger_s: float | None = 0.0
) -> Lag:
    """The line through the delays of windows of the sound.

    recorded : (sample,) a channel at sfreq.  sound : (sample,) as played.  trigger_s : when it should have begun,
    seconds from the first recorded sample; None where nothing tells, and the delay counts from that sample.
    """
    if not (np.isfinite(recorded).all() and np.ptp(recorded) > 0 and len(sound) and np.ptp(sound) > 0):
        raise ValueError("the recorded channel or the sound is flat or broken; is it the right one?")
    heard = envelope(np.asarray(recorded, float), sfreq)
    played = envelope(resampled(np.asarray(sound, float), sound_sfreq, sfreq), sfreq)
    coarse = _coarse(heard, played)
    found = _windows(heard, played, coarse, sfreq)
    alike = found[:, 2] >= ALIKE
    if not alike.any():
        best = float(found[:, 2].max()) if len(found) else 0.0
        raise ValueError(
            f"the recorded channel does not hold this sound: their envelopes correlate at {best:.2f} at best, "
            f"{ALIKE} is needed; is it the right channel, the right wav?"
        )
    times, delays, similarity = found[alike].T
    delay, drift, errors, kept = _line(times, delays - (trigger_s or 0.0))
    return Lag(
        delay,
        errors[0],
        None if drift is None else 1e6 * drift,
        None if drift is None else 1e6 * errors[1],
        float(np.median(similarity[kept])),
        times[kept],
        (delays - (trigger_s or 0.0))[kept],
        len(found) - int(kept.sum()),
    )


def envelope(sound: np.ndarray, sfreq: float) -> np.ndarray:
    """How loud a sound is, smoothed without delay."""
    return np.asarray(gaussian_filter1d(np.abs(sound - np.mean(sound)), SMOOTH_S * sfreq))


def resampled(sound: np.ndarray, sfreq: float, wanted: float) -> np.ndarray:
    """The sound at another rate, its band cut to what that rate holds, without delay.

    Why before the envelope: a recorder at 1200 Hz hears nothing of a hiss; the envelopes are alike only in one band.
    """
    ratio = Fraction(wanted / sfreq).limit_denominator(5000)
    return np.asarray(resample_poly(sound, ratio.numerator, ratio.denominator))


def _coarse(heard: np.ndarray, played: np.ndarray) -> int:
    """Samples by which the sound stands behind the first recorded one."""
    a, b = heard - heard.mean(), played - played.mean()
    match = correlate(a, b, mode="full", method="fft")
    lags = np.arange(len(match)) - (len(b) - 1)
    return int(lags[np.argmax(match)])


def _windows(heard: np.ndarray, played: np.ndarray, coarse: int, sfreq: float) -> np.ndarray:
    """(window, 3): middle of the window in the sound (s), delay (s), correlation there."""
    size, near = min(round(WINDOW_S * sfreq), len(played)), round(NEAR_S * sfreq)
    found = []
    for first in range(0, len(played) - size + 1, size):
        begin = first + coarse - near
        if begin < 0 or begin + size + 2 * near > len(heard):
            begin = min(max(begin, 0), len(heard) - size - 2 * near)
            if begin < 0 or not 0 < first + coarse - begin < 2 * near:
                continue
        r = _correlations(heard[begin : begin + size + 2 * near], played[first : first + size])
        peak = _summit(r, max(round(0.003 * sfreq), 1))
        found.append(((first + size / 2) / sfreq, (begin + peak - first) / sfreq, float(r.max())))
    return np.array(found).reshape(-1, 3)


def _correlations(longer: np.ndarray, template: np.ndarray) -> np.ndarray:
    """(place,) Pearson r of the template with every stretch of its length."""
    n = len(template)
    b = template - template.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (longer, longer**2))
    spread = np.maximum((squares[n:] - squares[:-n]) - (sums[n:] - sums[:-n]) ** 2 / n, 1e-300)
    match = correlate(longer, b, mode="valid", method="fft")
    return np.asarray(match / np.sqrt(spread * max(float(b @ b), 1e-300)))


def _summit(r: np.ndarray, reach: int) -> float:
    """Where a parabola through the values around the maximum has its own."""
    top = int(np.argmax(r))
    x = np.arange(max(top - reach, 0), min(top + reach + 1, len(r)))
    if len(x) < 3:
        return float(top)
    a, b, _ = np.polyfit(x - top, r[x], 2)
    return top + float(np.clip(-b / (2 * a), -reach, reach)) if a < 0 else float(top)


def _line(times: np.ndarray, delays: np.ndarray) -> tuple[float, float | None, tuple[float, float], np.ndarray]:
    """Delay at time 0, its slope, their standard errors, and the windows that lie on the line."""
    kept = np.abs(delays - np.median(delays)) <= max(6 * _scatter(delays), 0.02)
    if kept.sum() < 3:
        spread = float(np.std(delays[kept])) if kept.sum() > 1 else 0.0
        return float(np.median(delays[kept])), None, (spread, 0.0), kept
    for _ in range(3):
        slope, at_zero = np.polyfit(times[kept], delays[kept], 1)
        off = np.abs(delays - (at_zero + slope * times))
        trusted = off <= max(5 * _scatter(off[kept], centre=0.0), 2e-4)
        if trusted.sum() < 3 or (trusted == kept).all():
            break
        kept = trusted
    slope, at_zero = np.polyfit(times[kept], delays[kept], 1)
    rest = delays[kept] - (at_zero + slope * times[kept])
    sigma2 = float(rest @ rest) / max(len(rest) - 2, 1)
    spread2 = float(((times[kept] - times[kept].mean()) ** 2).sum())
    slope_error = (sigma2 / spread2) ** 0.5
    zero_error = (sigma2 * (1 / len(rest) + times[kept].mean() ** 2 / spread2)) ** 0.5
    return float(at_zero), float(slope), (zero_error, slope_error), kept


def _scatter(values: np.ndarray, centre: float | None = None) -> float:
    """A robust standard deviation."""
    middle = float(np.median(values)) if centre is None else centre
    return 1.4826 * float(np.median(np.abs(values - middle)))
