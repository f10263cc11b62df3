"""The labels that makers of scanners give their channels."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

CTF = re.compile(r"M[LRZ][CFOPT]\d\d")
MEGIN = re.compile(r"MEG\d{3}[123]")
KIT = re.compile(r"(MEG ?\d{3}|AG\d{3})$", re.IGNORECASE)
SERIAL = re.compile(r"(?<=[A-Z\d])-\d{3,5}$")
NOT_BRAIN = re.compile(
    r"STI|UPPT|UADC|UDIO|UTRG|UPTR|HADC|HDAC|ADC|TRIG|STATUS|HLC\d|CHPI|[HV]?EOG|ECG|EKG|EMG|MISC|AUX|SCLK|AUDIO|SYNC"
    r"|SYS\d|IAS[XYZM]|\d+:\d+:0$",
    re.IGNORECASE,
)
"""Triggers, analogue inputs, clocks, head coils and muscles, whatever type they are given; n:n:0 is FieldLine's."""
REFERENCE = re.compile(r"(B[GPQR]\d|[GPQR][1-3][1-3]|REF.*)$", re.IGNORECASE)
"""CTF's reference sensors, and those that are called so."""
HEAD_COILS = tuple(f"HLC00{coil}{axis}" for coil in (1, 2, 3) for axis in (1, 2, 3))
"""CTF's channels of where the coils at nasion, left and right ear are: x, y and z of each, in m."""


def clean_labels(labels: list[str]) -> list[str]:
    """Return labels without the serial number that CTF writes behind each, as files are read; others as they are."""
    if not any(CTF.match(label) and SERIAL.search(label) for label in labels):
        return labels
    return [SERIAL.sub("", label) for label in labels]


def label_kind(label: str, measures: str) -> str:
    """The kind of a sensor by the name that its maker gives it.

    measures : T or T/m, as its unit has it; Neuromag-122 calls its planar gradiometers as KIT calls its axial ones.
    """
    if CTF.match(label) or (KIT.match(label) and measures != "T/m"):
        return "axial"
    if MEGIN.fullmatch(label):
        return "mag" if label.endswith("1") else "planar"
    return ""


def find_head_coils(names: Sequence[str]) -> np.ndarray | None:
    """Columns of a CTF machine's head coils, shape (coil, axis); None where they are not all there."""
    places = {SERIAL.sub("", name): i for i, name in enumerate(names)}
    if not places.keys() >= set(HEAD_COILS):
        return None
    return np.array([places[name] for name in HEAD_COILS]).reshape(3, 3)
