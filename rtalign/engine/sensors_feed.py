"""What a picture of all sensors needs, collected while somebody looks at it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from rtalign.core.bad_marks import MARKED
from rtalign.core.head.shape import region_of
from rtalign.core.records import Chunk, Sensor
from rtalign.engine.snapshot import SensorsView
from rtalign.signal.envelope import Envelope
from rtalign.signal.sensor_check import BLOCK_S, SensorCheck, SensorState

UNUSABLE = "gave nothing usable"
"""Why a sensor is left out that nobody marked."""


class SensorsFeed:
    """Envelope and state of every sensor.

    Parameters
    ----------
    sensors : sequence of Sensor
        Columns of the chunks.
    sfreq : float
        Their rate, Hz.
    """

    def __init__(self, sensors: Sequence[Sensor], sfreq: float) -> None:
        self._envelope = Envelope(sensors, sfreq)
        self._regions = tuple(region_of(sensor) for sensor in sensors)
        self._judged: tuple[int, list[SensorState]] = (-1, [])

    def push(self, chunk: Chunk) -> None:
        """The next samples, in SI units."""
        self._envelope.push(chunk)

    def view(self, check: SensorCheck, unusable: np.ndarray, marked: Collection[str]) -> SensorsView:
        """Every sensor as it is now.

        Parameters
        ----------
        check : SensorCheck
            What is known of each.
        unusable : ndarray of bool, shape (sensor,)
            Which ones give nothing usable.
        marked : collection of str
            Names of those that the operator called bad.

        Returns
        -------
        SensorsView
        """
        if check.n_blocks != self._judged[0]:
            self._judged = check.n_blocks, check.states
        states = self._judged[1]
        start, low, high = self._envelope.newest()
        return SensorsView(
            names=tuple(state.name for state in states),
            kinds=tuple(state.kind for state in states),
            regions=self._regions,
            faults=tuple(state.text if state.fault else "" for state in states),
            left_out=tuple(
                MARKED if state.name in marked else UNUSABLE if out else ""
                for state, out in zip(states, unusable.tolist(), strict=True)
            ),
            seconds=check.n_blocks * BLOCK_S,
            density=np.array([state.density for state in states]),
            hz=check.hz,
            spectra=check.spectra,
            start=start,
            column_s=self._envelope.column_s,
            low=low,
            high=high,
        )
