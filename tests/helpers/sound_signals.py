"""Sounds: speech-like signals, and what a channel records of them."""

from __future__ import annotations

import numpy as np


def speech(seconds: float, sfreq: float, seed: int = 0) -> np.ndarray:
    """Syllables at uneven times: a voice with overtones, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sfreq)) / sfreq
    loud = np.zeros(len(time))
    for at in np.cumsum(rng.uniform(0.1, 0.4, round(5 * seconds))):
        width = rng.uniform(0.03, 0.1)
        part = slice(max(round((at - 3 * width) * sfreq), 0), max(round((at + 3 * width) * sfreq), 0))
        loud[part] += rng.uniform(0.3, 1) * np.exp(-0.5 * ((time[part] - at) / width) ** 2)
    turn = 2 * np.pi * np.cumsum(110 + 20 * np.sin(2 * np.pi * 0.3 * time)) / sfreq
    return loud * (sum(np.sin(k * turn) / k for k in range(1, 8)) + 0.2 * rng.standard_normal(len(time)))


def recorded(sound: np.ndarray, sound_sfreq: float, delay: float, ppm: float, sfreq: float, **how: float) -> np.ndarray:
    """What a channel at sfreq records of a sound that begins delay after a trigger at 3 s, its clock ppm too slow."""
    from scipy.signal import butter, sosfiltfilt

    low = sosfiltfilt(butter(4, 0.25 * sfreq, fs=sound_sfreq, output="sos"), sound)
    time = np.arange(round((len(sound) / sound_sfreq + 6) * sfreq)) / sfreq
    times = (time - 3.0 - delay) / (1 + 1e-6 * ppm)
    channel = np.interp(times, np.arange(len(low)) / sound_sfreq, low, left=0, right=0)
    noise = np.random.default_rng(1).standard_normal(len(channel))
    return how.get("gain", 1.0) * (channel + how.get("noise", 0.3) * channel.std() * noise) + how.get("offset", 0.0)
