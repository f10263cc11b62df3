"""Recordings as files hold them: readers and word tables."""

from rtalign.datasets.recording import common_sensors, left_out, open_recordings, open_repeats
from rtalign.datasets.signalcheck import check_signal

__all__ = ["check_signal", "common_sensors", "left_out", "open_recordings", "open_repeats"]
