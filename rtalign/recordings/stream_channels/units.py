"""Units of channels, as senders spell them, and what takes their values to SI units."""

from __future__ import annotations

import re

from rtalign.core.records import SI_UNITS

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
LONG_PREFIXES = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "femto": "f"}
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
NO_UNIT = {"", "?", "unknown", "n/a", "na", "none", "counts", "count", "au", "a.u.", "adc", "lsb", "raw"}
"""What senders write where there is no unit: values are taken as they are, and the user is told."""
ASSUMED = {"T": 1.0, "T/m": 1.0, "V": 1e-6}
"""Scales of channels without a unit.  Streams of EEG are in microvolts by XDF's conventions."""
ASSUMED_UNITS = {"T": "T", "T/m": "T/m", "V": "uV"}
ADVICE = {"T": "fT or pT", "T/m": "fT/cm or pT/m", "V": "uV or mV"}


def si_scale(unit: str, kind: str) -> float | None:
    """What takes values in a unit to the SI unit of a kind of sensor.

    Parameters
    ----------
    unit : str
        Its name, such as fT/cm, or the power of ten that mne-lsl gives.
    kind : str
        axial, mag, planar or eeg.

    Returns
    -------
    float or None
        None where no unit is given.

    Raises
    ------
    ValueError
        For a unit that is unknown, or of another quantity.
    """
    wanted = SI_UNITS[kind]
    if unit.strip().lower() in NO_UNIT:
        return None
    parsed = _parse(unit)
    if parsed is None or parsed[1] not in ("", wanted):
        raise ValueError(f"is in {unit[:40]!r}, which cannot be read as {wanted} - use {wanted}, {ADVICE[wanted]}")
    return parsed[0]


def dimension(unit: str) -> str:
    """Return T, T/m or V; empty for a unit that does not say what is measured."""
    parsed = _parse(unit)
    return parsed[1] if parsed else ""


def _parse(unit: str) -> tuple[float, str] | None:
    """Scale to SI, and T, T/m, V or nothing; None for what is no unit."""
    unit = unit.strip()
    if re.fullmatch(r"[+-]?\d{1,2}(\.0*)?", unit):
        power = int(float(unit))
        return (float(f"1e{power}"), "") if -18 <= power <= 3 else None
    plain = unit.lower().replace("µ", "u").replace("μ", "u").replace(" ", "").replace("_", "/")
    for long, short in LONG_PREFIXES.items():
        plain = re.sub(rf"^{long}(?=tesla|volt)", short, plain)
    plain = re.sub(r"teslas?", "t", re.sub(r"volts?", "v", plain)).replace("meter", "m").replace("metre", "m")
    match = re.fullmatch(r"([munpf]?)([tv])(?:/([cm]?m))?", plain)
    if not match or (match[2] == "v" and match[3]):
        return None
    per = METRES[match[3]] if match[3] else 1.0
    return PREFIXES[match[1]] / per, match[2].upper() + ("/m" if match[3] else "")
