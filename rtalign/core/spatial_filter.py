"""A spatial filter: one matrix over sensors that takes fields from outside the head away, the same offline and live."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rtalign.core.records import DISPLAY_SCALES, Sensor
from rtalign.core.storage.tensorfile import TensorFile, save_tensors

FILE = "spatial_filter.safetensors"
SMALLEST = 1e-2
"""Directions of projectors that are weaker than this part of the strongest depend on the others, as MNE judges."""


@dataclass(frozen=True, slots=True, eq=False)
class SpatialFilter:
    """Signal space projection (SSP) or signal space separation (SSS) of some sensors.

    It is kept in parts, so that it can be built anew without the sensors that are missing or bad: a matrix of all
    sensors would spread what a bad one measures over the others.  The fields that are kept stay the same.

    Attributes
    ----------
    kind : {"ssp", "sss"}
        Which of the two.
    sensors : tuple of Sensor
        What it was made for.
    fields : ndarray, shape (sensor, field)
        SSP: the fields that are taken out.  SSS: the fields of all sources, inside and outside, each sensor by its
        weight.  SI units.
    rebuilt : ndarray, shape (sensor, inner field)
        SSS: the fields that the signal is built from again; they belong to the first columns of `fields`.  Else empty.
    weights : ndarray, shape (sensor,)
        SSS: how much each sensor counts.
    """

    kind: Literal["ssp", "sss"]
    sensors: tuple[Sensor, ...]
    fields: np.ndarray
    rebuilt: np.ndarray
    weights: np.ndarray

    @classmethod
    def ssp(cls, sensors: Sequence[Sensor], fields: np.ndarray) -> SpatialFilter:
        """Take fields (sensor, field) out."""
        n = len(sensors)
        return cls("ssp", tuple(sensors), np.asarray(fields, float), np.empty((n, 0)), np.ones(n))

    def matrix(self, present: Sequence[str], out: Collection[str] = ()) -> np.ndarray:
        """The matrix for some sensors, in the units after the signal chain.

        Parameters
        ----------
        present : sequence of str
            Names of the columns of the signal; those that the filter was not made for give nothing.
        out : collection of str
            Those of them that are bad: they give nothing, and nothing of them reaches the others.

        Returns
        -------
        ndarray, shape (sensor, sensor)
            Signal (sample, sensor) times this is the filtered signal.
        """
        places = {sensor.name: i for i, sensor in enumerate(self.sensors)}
        columns = [i for i, name in enumerate(present) if name in places and name not in out]
        rows = [places[present[i]] for i in columns]
        whole = np.zeros((len(present), len(present)))
        if rows:
            units = np.array([DISPLAY_SCALES[self.sensors[row].kind] for row in rows])
            whole[np.ix_(columns, columns)] = (units[:, None] * self._of_rows(rows) / units).T
        return whole

    def _of_rows(self, rows: Sequence[int]) -> np.ndarray:
        """(sensor, sensor) of these sensors, SI units: what is measured on the right, the result on the left."""
        fields = self.fields[rows]
        if self.kind == "ssp":
            length = np.linalg.norm(fields, axis=0)
            axes, strengths, _ = np.linalg.svd(fields[:, length > 0] / length[length > 0], full_matrices=False)
            axes = axes[:, strengths > SMALLEST * strengths[:1].sum()]
            return np.eye(len(rows)) - axes @ axes.T
        length = np.linalg.norm(fields, axis=0)
        n_inner = self.rebuilt.shape[1]
        moments = (np.linalg.pinv(fields / length) / length[:, None]) * self.weights[rows]
        return np.asarray(self.rebuilt[rows] @ moments[:n_inner])

    def describe(self) -> dict[str, Any]:
        """What a passport states of it."""
        n_fields, n_inner = self.fields.shape[1], self.rebuilt.shape[1]
        about = {"kind": self.kind, "sensors": len(self.sensors)}
        rank = n_inner if self.kind == "sss" else round(float(np.trace(self._of_rows(range(len(self.sensors))))))
        return about | {"rank": rank} | ({"inner": n_inner, "outer": n_fields - n_inner} if n_inner else {})

    def is_same(self, other: SpatialFilter) -> bool:
        """Whether another does the same to the same sensors."""
        if self.kind != other.kind or self.names != other.names:
            return False
        return bool(np.allclose(self.matrix(self.names), other.matrix(self.names), atol=1e-6))

    @property
    def names(self) -> list[str]:
        """Of the sensors."""
        return [sensor.name for sensor in self.sensors]

    def save(self, folder: Path) -> None:
        """Write it into a bank's folder."""
        save_tensors(folder / FILE, {name: getattr(self, name) for name in ("fields", "rebuilt", "weights")})

    @classmethod
    def load(cls, folder: Path, kind: str, sensors: Sequence[Sensor]) -> SpatialFilter | None:
        """Read that of a bank; None where its recipe has none, ValueError where it is missing or damaged."""
        if kind not in ("ssp", "sss"):
            return None
        try:
            file = TensorFile(folder / FILE)
            fields, rebuilt, weights = (np.array(file[name], float) for name in ("fields", "rebuilt", "weights"))
            n = len(sensors)
            sound = fields.ndim == rebuilt.ndim == 2 and len(fields) == len(rebuilt) == n and weights.shape == (n,)
            if not sound or rebuilt.shape[1] > fields.shape[1] or (kind == "sss") != bool(rebuilt.shape[1]):
                raise ValueError(f"shapes {fields.shape}, {rebuilt.shape} and {weights.shape} for {n} sensors")
            if not all(np.isfinite(part).all() for part in (fields, rebuilt, weights)):
                raise ValueError("NaN or infinity")
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{folder / FILE} is damaged: {error}; train the bank again, or copy it again") from None
        return cls("sss" if kind == "sss" else "ssp", tuple(sensors), fields, rebuilt, weights)
