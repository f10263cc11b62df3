"""Numbers as colours: the cividis map, the colour of a layer, and images as PNG."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

STEPS = 33
"""How many shades of depth the figures tell apart."""

THEMES = {
    "light": {
        "window": "#F6F7F9", "panel": "#FFFFFF", "text": "#14181D", "muted": "#56616C", "faint": "#C9D0D7",
        "hair": "#E3E7EB", "accent": "#0072B2", "stale": "#9A6700", "band": "#D5DAE0", "well": "#F1F3F6",
    },
    "dark": {
        "window": "#0F1318", "panel": "#171C23", "text": "#E8EDF2", "muted": "#9AA6B2", "faint": "#46515C",
        "hair": "#2A323B", "accent": "#56B4E9", "stale": "#E69F00", "band": "#39434D", "well": "#1E252D",
    },
}  # fmt: skip

SHADES = {"light": (0.0, 0.74), "dark": (0.30, 1.0)}
"""The part of cividis whose lines stand out against the panel."""

_ANCHORS = np.array([0, 17, 22, 28, 35, 53, 86, 125, 152, 175, 203, 234, 246, 251, 255]) / 255
_COLOURS = np.array(
    [
        [int(code[i : i + 2], 16) for i in (0, 2, 4)]
        for code in [
            "00224e",
            "002e6c",
            "003171",
            "123570",
            "203a6f",
            "38476c",
            "585e6d",
            "7a7a78",
            "938e78",
            "aaa073",
            "c7b767",
            "e9d34e",
            "f7de3e",
            "fde334",
            "fee838",
        ]
    ],
    dtype=float,
)


def cividis(values: np.ndarray) -> np.ndarray:
    """Values 0..1 to RGB.  values : (...); returns (..., 3) uint8."""
    clipped = np.clip(values, 0, 1)
    return np.stack([np.interp(clipped, _ANCHORS, _COLOURS[:, k]) for k in range(3)], axis=-1).round().astype(np.uint8)


def shade(depth: float) -> str:
    """The class name that colours a mark by its depth, 0..1."""
    return f"k{round(float(np.clip(depth, 0, 1)) * (STEPS - 1))}"


def shades(theme: str) -> str:
    """CSS that gives every shade of depth its colour; marks are drawn in currentColor."""
    low, high = SHADES[theme]
    rgb = cividis(np.linspace(low, high, STEPS))
    return "".join(f".k{i}{{color:#{r:02x}{g:02x}{b:02x}}}" for i, (r, g, b) in enumerate(rgb.tolist()))


def png(levels: np.ndarray, palette: np.ndarray) -> str:
    """An indexed image as a data URI.

    levels : (row, column) uint8 indices; palette : (level, 3 or 4) uint8, the fourth channel is opacity.
    """
    height, width = levels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), levels.astype(np.uint8)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", header), (b"PLTE", palette[:, :3].astype(np.uint8).tobytes())]
    if palette.shape[1] == 4:
        parts.append((b"tRNS", palette[:, 3].astype(np.uint8).tobytes()))
    parts += [(b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


RAMP = 128


def ramp_png(values: np.ndarray) -> str:
    """An image of values 0..1 in cividis; NaN is transparent.  values : (row, column)."""
    missing = ~np.isfinite(values)
    levels = 1 + np.clip(np.nan_to_num(values) * (RAMP - 1), 0, RAMP - 1).round().astype(np.uint8)
    opaque = np.concatenate([cividis(np.linspace(0, 1, RAMP)), np.full((RAMP, 1), 255, np.uint8)], axis=1)
    return png(np.where(missing, 0, levels), np.concatenate([np.zeros((1, 4), np.uint8), opaque]))
