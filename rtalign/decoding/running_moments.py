"""Moments of every lag, updated in place as words come."""

from __future__ import annotations

import numpy as np

from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.moments import Moments


class RunningMoments:
    """Centred moments of the words learned so far, one set a lag, in memory that is allocated once.

    Why float32: at 101 lags, 275 sensors and 1550 targets they take 200 MB, and they are centred at all times, so that
    only differences are added.

    Parameters
    ----------
    n_lags, n_sensors, n_targets : int
        Their sizes.

    Attributes
    ----------
    n : ndarray of int, shape (lag,)
        How many words.
    mean_x : ndarray, shape (lag, sensor)
        Mean of the signal.
    mean_y, yy : ndarray, shape (lag, target)
        Mean, and centred sum of squares, of the targets.
    xx : ndarray of float32, shape (lag, sensor, sensor)
        Inner products of the centred signal.
    xy : ndarray of float32, shape (lag, sensor, target)
        Of the centred signal with the centred targets.
    """

    def __init__(self, n_lags: int, n_sensors: int, n_targets: int) -> None:
        self.n = np.zeros(n_lags, int)
        self.mean_x = np.zeros((n_lags, n_sensors))
        self.mean_y = np.zeros((n_lags, n_targets))
        self.xx = np.zeros((n_lags, n_sensors, n_sensors), np.float32)
        self.xy = np.zeros((n_lags, n_sensors, n_targets), np.float32)
        self.yy = np.zeros((n_lags, n_targets))

    def add(self, lag: int, X: np.ndarray, Y: np.ndarray) -> None:
        """Add words: X (word, sensor) at this lag, Y (word, target).

        Why one row more than words: by the parallel-axis formula the distance between the old mean and the new words'
        mean acts as one more word, so a single product adds everything.
        """
        before, new = int(self.n[lag]), len(X)
        if not new:
            return
        between = np.sqrt(before * new / (before + new))
        rows = []
        for values, mean in ((X, self.mean_x[lag]), (Y, self.mean_y[lag])):
            new_mean = values.mean(axis=0, dtype=np.float64)
            distance = new_mean - mean if before else np.zeros_like(mean)
            rows.append(np.concatenate([values - new_mean, between * distance[None]]).astype(np.float32))
            mean += (distance if before else new_mean) * (new / (before + new))
        x, y = rows
        self.xx[lag] += x.T @ x
        self.xy[lag] += x.T @ y
        self.yy[lag] += np.einsum("wt,wt->t", y, y)
        self.n[lag] = before + new

    def set_lag(self, lag: int, moments: Moments) -> None:
        """Start a lag with these moments."""
        self.n[lag], self.mean_x[lag], self.mean_y[lag] = moments.n, moments.mean_x, moments.mean_y
        self.xx[lag], self.xy[lag], self.yy[lag] = moments.xx, moments.xy, moments.target_squares

    def at_lag(self, lag: int) -> Moments:
        """Moments of one lag, in float64."""
        xx, xy = self.xx[lag].astype(float), self.xy[lag].astype(float)
        return Moments(
            int(self.n[lag]), self.mean_x[lag].copy(), self.mean_y[lag].copy(), xx, xy, self.yy[lag][:, None, None]
        )


def bank_moments(bank: DecoderBank, lag: int, max_words: int) -> Moments:
    """Moments of a bank's words at one lag, scaled down as if there had been at most max_words of them.

    The wide basis is in order of variance, so the bank's targets are the leading columns of each layer.
    """
    tensors, projection = bank.tensors, bank.projection
    size = (len(projection.mean), projection.wide)
    kept = (np.arange(size[0])[:, None] * size[1] + np.arange(projection.components)).ravel()
    squares = np.diagonal(tensors["moments_yy"], axis1=2, axis2=3).reshape(-1, size[0] * size[1])[:, kept]
    parts = [
        Moments(
            int(tensors["moments_n"][fold]),
            np.array(tensors["moments_mean_x"][lag, fold], float),
            np.array(tensors["moments_mean_y"][fold], float)[kept],
            np.array(tensors["moments_xx"][lag, fold], float),
            tensors["moments_xy"][lag, fold][:, kept].astype(float),
            squares[fold][:, None, None].astype(float),
        )
        for fold in range(len(tensors["moments_n"]))
    ]
    whole = Moments.sum(parts)
    n = min(whole.n, max_words)
    share = n / whole.n
    return Moments(n, whole.mean_x, whole.mean_y, whole.xx * share, whole.xy * share, whole.yy * share)
