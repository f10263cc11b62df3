"""rtalign sensors: what is wrong with which sensor, before a session begins."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from rtalign.streams.fieldtrip.protocol import NAMES
from rtalign_cli import main
from tests.helpers.fieldtrip_server import Buffer, serve
from tests.helpers.fif_files import SFREQ, write
from tests.helpers.real_data import CTF, MEGIN, real

LABELS = tuple(f"M{side}{region}{number}" for side in "LR" for region in "CFO" for number in (11, 12, 13))


def spoiled(seconds: float) -> np.ndarray:
    """(channel, sample): white noise, of which MRF12 has ten times too much."""
    x = 1e-13 * np.random.default_rng(0).standard_normal((len(LABELS), round(seconds * SFREQ)))
    x[LABELS.index("MRF12")] *= 10
    return x


def test_a_recording_without_words_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "story_meg.fif", spoiled(12), LABELS)
    assert main.main(["sensors", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_sensors"], found["n_fit"], found["bads"]) == (18, 17, "MRF12")
    assert found["fit_by_region"] == {"MLC": 3, "MLF": 3, "MLO": 3, "MRC": 3, "MRF": 2, "MRO": 3}
    assert main.main(["sensors", str(path)]) == 0
    printed = capsys.readouterr().out.strip().splitlines()
    assert printed[-2].startswith("MRF12 is noisy: ")
    assert printed[-1] == "17 of 18 sensors are fit, by 12 s of signal; leave out with --bads MRF12"


def test_a_live_signal_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Faster than it says: the dates of the samples are of no interest here."""
    x, stop = spoiled(60).T, threading.Event()
    with serve(Buffer()) as buffer:
        buffer.put_header(len(LABELS), SFREQ, chunks={NAMES: b"".join(label.encode() + b"\0" for label in LABELS)})

        def feed() -> None:
            for first in range(0, len(x), 100):
                if stop.wait(0.02):
                    return
                buffer.put(x[first : first + 100])

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        try:
            assert main.main(["sensors", "--meg", str(buffer.address), "--seconds", "10", "--json", "--quiet"]) == 0
        finally:
            stop.set()
            feeder.join()
    assert json.loads(capsys.readouterr().out)["bads"] == "MRF12"


def test_real_recordings_are_judged_as_those_who_made_them_did(capsys: pytest.CaptureFixture[str]) -> None:
    """MEG 2443 is marked bad wherever this recording is published whole."""
    for path, bads in ((CTF, ""), (MEGIN, "MEG 2443")):
        assert main.main(["sensors", str(real(path)), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["bads"] == bads


def test_two_signals_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["sensors", str(tmp_path), "--meg", "scanner"]) == 1
    assert "not both" in capsys.readouterr().err
