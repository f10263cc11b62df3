"""A recording in memory as mne.io.Raw."""

from __future__ import annotations

import mne

from tests.helpers.small_world import MemoryRecording


def raw_of(recording: MemoryRecording) -> mne.io.RawArray:
    """The same samples and sensors."""
    from rtalign.api.sensor_info import sensor_info

    return mne.io.RawArray(recording.data.T.copy(), sensor_info(recording.sensors, recording.sfreq), verbose="ERROR")
