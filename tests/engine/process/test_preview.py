"""The preview of a recording opens what the session itself would open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtalign.core.session import Session
from rtalign.engine.process import preview
from rtalign.recordings.xdf import writer
from tests.helpers.xdf_files import MEG, SFREQ, noise, write


def test_preview_reads_the_xdf_streams_that_a_session_names(tmp_path: Path) -> None:
    stamps = np.arange(1000) / SFREQ
    path = write(tmp_path / "two.xdf", stamps)
    other = writer.SignalStream("other", SFREQ, MEG.channels, MEG.sensors, format=MEG.format)
    more = [writer.signal_header(8, other, 0.0), writer.numbers(8, noise(600), stamps[:600], other.format)]
    path.write_bytes(path.read_bytes() + b"".join(more))
    with pytest.raises(ValueError, match="several streams that may be meant"):
        preview.preview_recording(Session(recording=path))
    assert preview.preview_recording(Session(recording=path, meg="other"))["seconds"] == pytest.approx(600 / SFREQ)
