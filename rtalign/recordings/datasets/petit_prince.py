"""Le Petit Prince: a French audiobook heard by 58 participants, in plain BIDS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtalign.recordings.datasets.base import DataFile, DataSet, DataSetEntry, read_bids_file
from rtalign.recordings.formats.mne_recording import MneRecording


class PetitPrince(DataSet):
    """The listening task of Le Petit Prince; its words are in the events tables of its runs."""

    entry = DataSetEntry(
        key="petitprince",
        name="Le Petit Prince, listening",
        people=58,
        hours="1.5 per participant",
        language="French",
        machine="Elekta, 306 channels, 1000 Hz",
        licence="CC0",
        size="about 8 GB per participant, 480 GB in all",
        place="OpenNeuro, ds007523",
        how="no login: download with openneuro-py, DataLad or a browser, one participant to start with",
        layout="sub-NN/ses-01/meg/..._task-listen_run-NN_meg.fif with ..._events.tsv",
    )

    def find_files(self, path: Path) -> list[Path]:
        """None: it is laid out as BIDS."""
        return []

    def fits(self, file: DataFile) -> bool:
        """Whether a file is a run of the listening task."""
        return file.labels.get("task") == "listen" and {"ses", "run"} <= file.labels.keys()

    def recordings(self, file: DataFile) -> list[MneRecording]:
        """One run."""
        return read_bids_file(file)

    def repeats(self, file: DataFile) -> list[MneRecording]:
        """None: nothing was played twice."""
        return []

    def wav(self, file: DataFile, recording: str) -> Path | None:
        """None: it does not say which sound belongs to a run."""
        return None

    def known_bads(self, file: DataFile) -> Sequence[str]:
        """None beyond those in its channels tables."""
        return ()

    def known_faults(self, file: DataFile) -> Sequence[str]:
        """None."""
        return ()

    def missing(self, files: Sequence[Path]) -> list[tuple[str, str]]:
        """Not checked: participants have different numbers of runs."""
        return []
