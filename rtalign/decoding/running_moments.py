"""Moments of every lag that grow in place, for as long as words come."""

from __future__ import annotations

import numpy as np

from rtalign.decoding.bank import DecoderBank
from rtalign.decoding.moments import Moments


class LagMoments:
    """Centred moments of the words learned so far, one set a lag, in memory that is taken once.

    Why float32: at 101 lags, 275 sensors and 1550 targets they take 200 MB, and they are centred at all times, so that
    only differences are ever added.

    n : (lag,).    mean_x : (lag, sensor).    mean_y, yy : (lag, target).    xx, xy : (lag, sensor, sensor or target).
    """

    def __init__(self, n_lags: int, n_sensors: int, n_targets: int) -> None:
        self.n = np.zeros(n_lags, int)
        self.mean_x = np.zeros((n_lags, n_sensors))
        self.mean_y = np.zeros((n_lags, n_targets))
        self.xx = np.zeros((n_lags, n_sensors, n_sensors), np.float32)
        self.xy = np.zeros((n_lags, n_sensors, n_targets), np.float32)
        self.yy = np.zeros((n_lags, n_targets))

    def add(self, lag: int, X: np.ndarray, Y: np.ndarray) -> None:
        """More words.  X : (word, sensor) at this lag.    Y : (word, target).

        Why one row more than words: by the parallel-axis formula the distance between the old mean and the new words'
        mean is as good as one more word, so a single product adds all there is to add.
        """
        before, new = int(self.n[lag]), len(X)
        if not new:
            return
        between = np.sqrt(before * new / (before + new))
        rows = []
        for values, mean in ((X, self.mean_x[lag]), (Y, self.mean_y[lag])):
            of_new = values.mean(axis=0, dtype=np.float64)
            distance = of_new - mean if before else np.zeros_like(mean)
            rows.append(np.concatenate([values - of_new, between * distance[None]]).astype(np.float32))
            mean += (distance if before else of_new) * (new / (before + new))
        x, y = rows
        self.xx[lag] += x.T @ x
        self.xy[lag] += x.T @ y
        self.yy[lag] += np.einsum("wt,wt->t", y, y)
        self.n[lag] = before + new

    def put(self, lag: int, moments: Moments) -> None:
        """Begin with these in the place of none."""
        self.n[lag], self.mean_x[lag], self.mean_y[lag] = moments.n, moments.mean_x, moments.mean_y
        self.xx[lag], self.xy[lag], self.yy[lag] = moments.xx, moments.xy, moments.squares

    def at(self, lag: int) -> Moments:
        """Moments of one lag, in float64."""
        xx, xy = self.xx[lag].astype(float), self.xy[lag].astype(float)
        return Moments(
            int(self.n[lag]), self.mean_x[lag].copy(), self.mean_y[lag].copy(), xx, xy, self.yy[lag][:, None, None]
        )


def recall(bank: DecoderBank, lag: int, at_most: int) -> Moments:
    """What a bank's words leave at one lag, as if there had been at_most of them.

    The wide basis is in order of variance, so that the bank's targets are the leading columns of each layer.
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
    n = min(whole.n, at_most)
    share = n / whole.n
    return Moments(n, whole.mean_x, whole.mean_y, whole.xx * share, whole.xy * share, whole.yy * share)
