"""Spatial filters of recordings: the projectors that a file carries (SSP), and a Maxwell filter of its coils (SSS)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from rtalign.core.records import Recording
from rtalign.core.spatial_filter import SpatialFilter
from rtalign.recordings.formats.mne_recording import MneRecording
from rtalign.recordings.stream_channels.projectors import projectors_of

MAG_WEIGHT = 100.0
"""Of magnetometers beside planar gradiometers, whose numbers are in another unit; MNE's own."""
HEAD_ORIGIN_M = (0.0, 0.0, 0.04)
"""Where no points on the head were digitised, as MNE takes it."""


def shared_filter(recordings: Sequence[Recording], kind: str) -> SpatialFilter | None:
    """The spatial filter that a recipe asks for, one for all recordings.

    Parameters
    ----------
    recordings : sequence of Recording
        With the same sensors.  Their projectors must agree; a Maxwell filter is that of the first one's head position.
    kind : str
        ssp, sss, or anything else for none.

    Returns
    -------
    SpatialFilter or None

    Raises
    ------
    ValueError
        Where there is none, in one line.
    """
    if kind not in ("ssp", "sss"):
        return None
    if kind == "sss":
        return _sss(recordings[0])
    found = [_ssp(recording) for recording in recordings]
    for recording, other in zip(recordings, found, strict=True):
        if not found[0].is_same(other):
            raise ValueError(
                f"{recording.name} has other projectors than {recordings[0].name}, and a bank takes out one set; "
                "give all recordings the same (raw.add_proj in MNE), or leave --ssp out"
            )
    return found[0]


def _ssp(recording: Recording) -> SpatialFilter:
    """Of every projector of a file or a stream, applied already or not: live, the signal comes without."""
    names = [sensor.name for sensor in recording.sensors]
    fields = [[field.get(name, 0.0) for name in names] for field in projectors_of(recording)]
    if not fields:
        raise ValueError(
            f"{recording.name} holds no projectors of its sensors: make some with MNE (mne.compute_proj_raw), "
            "or leave --ssp out"
        )
    return SpatialFilter.ssp(recording.sensors, np.transpose(fields))


def _sss(recording: Recording) -> SpatialFilter:
    """MNE's Maxwell filter without tSSS, calibration and crosstalk, for the head position in the header."""
    import mne
    from mne.preprocessing import compute_maxwell_basis, maxwell_filter

    if not isinstance(recording, MneRecording):
        raise ValueError(
            f"{recording.name} does not say how its coils lie: --sss needs a FIF, CTF, KIT or BTi recording"
        )
    names = [sensor.name for sensor in recording.sensors]
    if recording.head is None:
        raise ValueError(f"{recording.name} does not say where the head was, which --sss needs; use --ssp, or none")
    whole_info = recording.info
    picks = [whole_info["ch_names"].index(name) for name in names]
    info = mne.pick_info(whole_info, picks, verbose="ERROR")
    origin: Any = "auto" if info["dig"] else HEAD_ORIGIN_M
    try:
        with warnings.catch_warnings(), mne.utils.use_log_level("ERROR"):
            warnings.simplefilter("ignore")
            unit = mne.io.RawArray(np.eye(len(names)), info, verbose="ERROR")
            whole = maxwell_filter(unit, origin=origin, verbose="ERROR").get_data()
            fields, moments, kept, n_inner = compute_maxwell_basis(info, origin=origin, verbose="ERROR")
    except Exception as error:  # MNE refuses in every possible way what cannot be Maxwell-filtered
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{recording.name} cannot be Maxwell-filtered (--sss): {first[:200]}") from error
    del moments, kept
    weights = np.array([1.0 if sensor.kind == "planar" else MAG_WEIGHT for sensor in recording.sensors])
    return SpatialFilter("sss", recording.sensors, fields * weights[:, None], whole @ fields[:, :n_inner], weights)
