"""Onset audit: how late and how fast the recorded sound ran, compared with the sound that was played."""

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
"""Least correlation of two envelopes of one sound; those of different speech reach 0.3 within the search range."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundLag:
    """How a recorded sound differs in time from the sound that was played.

    Attributes
    ----------
    delay_s, delay_error_s : float
        From the trigger to the sound's first sample, and its standard error.
    drift_ppm, drift_error_ppm : float or None
        How much slower the player's clock ran than the recorder's, and its standard error; None where fewer than three
        windows can be used.
    similarity : float
        The median correlation of the envelopes in the windows used.
    times : ndarray, shape (window,)
        The middle of each window in the sound, s.
    delays : ndarray, shape (window,)
        The delay of each window, s.
    n_unlike : int
        Windows in which the recording does not hold the sound, or not loud enough.
    """

    delay_s: float
    delay_error_s: float
    drift_ppm: float | None
    drift_error_ppm: float | None
    similarity: float
    times: np.ndarray
    delays: np.ndarray
    n_unlike: int


def measure_sound_lag(
    recorded: np.ndarray, sfreq: float, sound: np.ndarray, sound_sfreq: float, *, trigger_s: float | None = 0.0
) -> SoundLag:
    """Measure how late and how fast a recorded sound ran: a line through the delays of windows of the sound.

    Parameters
    ----------
    recorded : ndarray, shape (sample,)
        The channel that holds the sound, at sfreq.
    sfreq : float
        Samples a second of the recording.
    sound : ndarray, shape (sample,)
        As it was played, at sound_sfreq.
    sound_sfreq : float
        Samples a second of the sound.
    trigger_s : float or None
        When the sound should have begun, in seconds from the first recorded sample; None where that is unknown, and
        the delay counts from that sample.

    Returns
    -------
    SoundLag

    Raises
    ------
    ValueError
        Where the channel does not hold the sound.
    """
    if not (np.isfinite(recorded).all() and np.ptp(recorded) > 0 and len(sound) and np.ptp(sound) > 0):
        raise ValueError("the recorded channel or the sound is flat or broken; is it the right one?")
    recorded_envelope = envelope(np.asarray(recorded, float), sfreq)
    played_envelope = envelope(resample(np.asarray(sound, float), sound_sfreq, sfreq), sfreq)
    coarse = _coarse_delay(recorded_envelope, played_envelope)
    windows = _windows(recorded_envelope, played_envelope, coarse, sfreq)
    alike = windows[:, 2] >= ALIKE
    if not alike.any():
        best = float(windows[:, 2].max()) if len(windows) else 0.0
        raise ValueError(
            f"the recorded channel does not hold this sound: their envelopes correlate at {best:.2f} at best, "
            f"{ALIKE} is needed; is it the right channel, the right wav?"
        )
    times, delays, similarity = windows[alike].T
    delay, drift, errors, kept = _fit_line(times, delays - (trigger_s or 0.0))
    return SoundLag(
        delay,
        errors[0],
        None if drift is None else 1e6 * drift,
        None if drift is None else 1e6 * errors[1],
        float(np.median(similarity[kept])),
        times[kept],
        (delays - (trigger_s or 0.0))[kept],
        len(windows) - int(kept.sum()),
    )


def envelope(sound: np.ndarray, sfreq: float) -> np.ndarray:
    """Return how loud a sound is (sample,), smoothed without delay."""
    return np.asarray(gaussian_filter1d(np.abs(sound - np.mean(sound)), SMOOTH_S * sfreq))


def resample(sound: np.ndarray, sfreq: float, wanted: float) -> np.ndarray:
    """Return the sound at another rate, limited to the band of that rate, without delay.

    Why before the envelope: a recorder at 1200 Hz does not record a hiss; the envelopes are alike only in one band.
    """
    ratio = Fraction(wanted / sfreq).limit_denominator(5000)
    return np.asarray(resample_poly(sound, ratio.numerator, ratio.denominator))


def _coarse_delay(recorded: np.ndarray, played: np.ndarray) -> int:
    """Samples from the first recorded one to the beginning of the sound."""
    a, b = recorded - recorded.mean(), played - played.mean()
    match = correlate(a, b, mode="full", method="fft")
    lags = np.arange(len(match)) - (len(b) - 1)
    return int(lags[np.argmax(match)])


def _windows(recorded: np.ndarray, played: np.ndarray, coarse: int, sfreq: float) -> np.ndarray:
    """(window, 3): middle of the window in the sound (s), delay (s), correlation there."""
    size, near = min(round(WINDOW_S * sfreq), len(played)), round(NEAR_S * sfreq)
    windows = []
    for first in range(0, len(played) - size + 1, size):
        begin = first + coarse - near
        if begin < 0 or begin + size + 2 * near > len(recorded):
            begin = min(max(begin, 0), len(recorded) - size - 2 * near)
            if begin < 0 or not 0 < first + coarse - begin < 2 * near:
                continue
        r = _correlations(recorded[begin : begin + size + 2 * near], played[first : first + size])
        peak = _peak(r, max(round(0.003 * sfreq), 1))
        windows.append(((first + size / 2) / sfreq, (begin + peak - first) / sfreq, float(r.max())))
    return np.array(windows).reshape(-1, 3)


def _correlations(longer: np.ndarray, template: np.ndarray) -> np.ndarray:
    """(place,) Pearson r of the template with every stretch of its length."""
    n = len(template)
    b = template - template.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (longer, longer**2))
    spread = np.maximum((squares[n:] - squares[:-n]) - (sums[n:] - sums[:-n]) ** 2 / n, 1e-300)
    match = correlate(longer, b, mode="valid", method="fft")
    return np.asarray(match / np.sqrt(spread * max(float(b @ b), 1e-300)))


def _peak(r: np.ndarray, reach: int) -> float:
    """Where a parabola through the values around the maximum has its own."""
    top = int(np.argmax(r))
    x = np.arange(max(top - reach, 0), min(top + reach + 1, len(r)))
    if len(x) < 3:
        return float(top)
    a, b, _ = np.polyfit(x - top, r[x], 2)
    return top + float(np.clip(-b / (2 * a), -reach, reach)) if a < 0 else float(top)


def _fit_line(times: np.ndarray, delays: np.ndarray) -> tuple[float, float | None, tuple[float, float], np.ndarray]:
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
