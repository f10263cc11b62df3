"""Theme: the colours and fonts of the window, dark and light, with a colour for every depth of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QGuiApplication, QPalette

FAMILIES = ["Inter", "Segoe UI", "SF Pro Text", "Helvetica Neue", "Noto Sans", "Liberation Sans", "DejaVu Sans"]
CIVIDIS = (
    (0, 34, 78), (0, 46, 106), (26, 56, 111), (50, 67, 109), (67, 78, 108), (83, 90, 109), (97, 101, 111),
    (111, 112, 115), (125, 124, 120), (140, 136, 120), (155, 148, 118), (171, 160, 114), (188, 174, 108),
    (205, 187, 99), (222, 201, 88), (240, 216, 70), (254, 232, 56),
)  # fmt: skip
"""Perceptually uniform, and the same to people with red-green colour blindness."""
BLUE, ORANGE = (86, 180, 233), (230, 140, 30)
MIN_CONTRAST = 3.6
"""Of a layer's colour against its panel."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by role, as #RRGGBB; wherever one has a meaning, a shape or a word says the same.

    Attributes
    ----------
    name : {"dark", "light"}
        The theme.
    window, panel, edge : str
        Backgrounds of the window and of panels, and the panels' borders.
    text, muted, faint : str
        Text, less important text, and lines.
    accent, on_accent : str
        What is highlighted, and text on it.
    live, stale, lost : str
        A stream that flows, one that needs attention, and one that is gone.
    """

    name: str
    window: str
    panel: str
    edge: str
    text: str
    muted: str
    faint: str
    accent: str
    on_accent: str
    live: str
    stale: str
    lost: str

    @classmethod
    def of(cls, name: str) -> Theme:
        """The theme of a name; "system" is what the desktop prefers."""
        if name == "system":
            return system_theme()
        if name not in THEMES:
            raise ValueError(f"there is no theme {name!r}; use {', '.join(THEMES)} or system")
        return THEMES[name]

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def colour(self, role: str, alpha: float = 1.0) -> QColor:
        """The colour of a role."""
        return _role(self.name, role, alpha)

    def mixed(self, role: str, share: float) -> QColor:
        """A role blended with the panel's colour: opaque lines cost a third of transparent ones."""
        return _mixed(self.name, role, share)

    def depth(self, depth: float, alpha: float = 1.0) -> QColor:
        """The colour of a layer by its depth, 0 = embedding, 1 = last: cividis, with enough contrast to the panel."""
        return _layer(self.name, round(min(max(depth, 0.0), 1.0), 3), alpha)

    def qt_palette(self) -> QPalette:
        """The palette for what no stylesheet paints: cursors, and the system's own dialogs."""
        palette, role = QPalette(), QPalette.ColorRole
        for which, name in {
            role.Window: "window", role.WindowText: "text", role.Base: "panel", role.AlternateBase: "window",
            role.Text: "text", role.Button: "panel", role.ButtonText: "text", role.PlaceholderText: "muted",
            role.Highlight: "accent", role.HighlightedText: "on_accent", role.Link: "accent",
        }.items():  # fmt: skip
            palette.setColor(which, self.colour(name))
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, which, self.colour("muted"))
        return palette

    def stylesheet(self) -> str:
        """Qt's stylesheet for standard widgets."""
        return _SHEET.format(family=family(), **{name: getattr(self, name) for name in self.__slots__})


THEMES = {
    "dark": Theme(
        "dark", window="#0F1318", panel="#171C23", edge="#262E38", text="#E8EDF2", muted="#9AA6B2", faint="#3A4450",
        accent="#56B4E9", on_accent="#0F1318", live="#2BC79E", stale="#E69F00", lost="#FF7F50",
    ),
    "light": Theme(
        "light", window="#F6F7F9", panel="#FFFFFF", edge="#E1E5EA", text="#14181D", muted="#56616C", faint="#C9D0D8",
        accent="#0072B2", on_accent="#FFFFFF", live="#00795A", stale="#9A6700", lost="#B84A00",
    ),
}  # fmt: skip


def system_theme() -> Theme:
    """What the desktop prefers; dark where it has no preference, as the control room of a scanner is dark."""
    hints = QGuiApplication.styleHints()
    light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
    return THEMES["light" if light else "dark"]


def font(size_px: float, bold: bool = False) -> QFont:
    """The window's font with digits of one width, so that changing numbers do not move."""
    return _font(max(round(size_px), 6), bold)


@lru_cache(maxsize=4096)
def advance(text: str, size_px: int, bold: bool = False) -> float:
    """The width of a text in pixels; cached, as the same words are measured with every paint."""
    return QFontMetricsF(_font(size_px, bold)).horizontalAdvance(text)


@lru_cache(maxsize=1024)
def shortened(text: str, size_px: int, bold: bool, width: int) -> str:
    """A text with an ellipsis where it is too long."""
    return QFontMetricsF(_font(size_px, bold)).elidedText(text, Qt.TextElideMode.ElideRight, width)


@lru_cache(maxsize=16)
def ramp(anchors: tuple[tuple[int, int, int], ...], n: int = 256) -> np.ndarray:
    """(n, 3) colours from 0 to 255, interpolated between evenly spaced ones."""
    at, known = np.linspace(0, 1, n), np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(at, known, column) for column in np.array(anchors, float).T], axis=-1)


@lru_cache(maxsize=1)
def cividis() -> np.ndarray:
    """(256,) colours, as words of QImage.Format_RGB32."""
    return as_argb(ramp(CIVIDIS))


def diverging(middle: QColor) -> np.ndarray:
    """(256, 3) colours from blue over a middle colour to orange, for signed values."""
    return ramp((BLUE, middle.getRgb()[:3], ORANGE))  # type: ignore[arg-type]


def rising(lowest: QColor) -> np.ndarray:
    """(256, 3) colours from a lowest colour to orange, for magnitudes."""
    return ramp((lowest.getRgb()[:3], ORANGE))  # type: ignore[arg-type]


def as_argb(colours: np.ndarray) -> np.ndarray:
    """(n, 3) colours as (n,) words of QImage.Format_RGB32."""
    red, green, blue = np.round(colours).astype(np.uint32).T
    return (np.uint32(0xFF000000) | red << 16 | green << 8 | blue).astype(np.uint32)


def mixed_words(words: np.ndarray, under: QColor, share: float) -> np.ndarray:
    """Words of QImage.Format_RGB32, mixed with a colour under them; share : of their own colour."""
    own = np.stack([words >> 16, words >> 8, words], axis=-1) & 0xFF
    return as_argb(share * own + (1 - share) * np.array(under.getRgb()[:3], float))


def contrast(a: QColor, b: QColor) -> float:
    """Contrast of two colours, 1 to 21, as the Web Content Accessibility Guidelines define it."""
    bright, dim = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: QColor) -> float:
    parts = np.array(colour.getRgbF()[:3], float)
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


# The colours below are cached and shared: never change one.


@lru_cache(maxsize=512)
def _role(name: str, role: str, alpha: float) -> QColor:
    colour = QColor(getattr(THEMES[name], role))
    colour.setAlphaF(alpha)
    return colour


@lru_cache(maxsize=128)
def _mixed(name: str, role: str, share: float) -> QColor:
    over, under = np.array(_role(name, role, 1.0).getRgb()[:3]), np.array(_role(name, "panel", 1.0).getRgb()[:3])
    return QColor(*(round(float(part)) for part in share * over + (1 - share) * under))


@lru_cache(maxsize=2048)
def _layer(name: str, depth: float, alpha: float) -> QColor:
    colour = QColor(*_depth(name, depth))
    colour.setAlphaF(alpha)
    return colour


@lru_cache(maxsize=1)
def family() -> str:
    """The first font family that is installed; one name, as SVG must be set in the font that it was measured in."""
    installed = set(QFontDatabase.families())
    return next((name for name in FAMILIES if name in installed), FAMILIES[-1])


@lru_cache(maxsize=64)
def _font(size_px: int, bold: bool) -> QFont:
    """Cached, as finding the family costs more than painting a line of text."""
    font = QFont()
    font.setFamily(family())
    font.setPixelSize(size_px)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


@lru_cache(maxsize=512)
def _depth(name: str, depth: float) -> tuple[int, int, int]:
    """RGB of a depth, scaled until its contrast is enough; mixing with white or black would lose the blues."""
    theme = THEMES[name]
    share = 0.12 + 0.88 * depth if theme.dark else depth
    colour, panel, by = ramp(CIVIDIS)[round(255 * share)], QColor(theme.panel), 1.06 if theme.dark else 0.95
    for _ in range(60):
        red, green, blue = (round(min(float(part), 255)) for part in colour)
        if contrast(QColor(red, green, blue), panel) >= MIN_CONTRAST:
            break
        colour = colour * by + (1.5 if theme.dark else 0)
    return red, green, blue


_SHEET = """
QMainWindow, QDialog, QStatusBar {{ background: {window}; color: {text}; }}
QWidget {{ color: {text}; font-family: "{family}"; font-size: 13px; }}
QMenuBar, QMenu, QToolBar {{ background: {panel}; color: {text}; border: none; }}
QMenu {{ border: 1px solid {edge}; padding: 4px; }}
QMenuBar::item:selected, QMenu::item:selected {{ background: {accent}; color: {on_accent}; border-radius: 4px; }}
QMenu::item:disabled {{ color: {muted}; }}
QToolTip {{ background: {panel}; color: {text}; border: 1px solid {faint}; padding: 4px; }}
QPushButton, QToolButton, QComboBox, QLineEdit, QSpinBox, QDoubleSpinBox {{
  background: {panel}; color: {text}; border: 1px solid {faint}; border-radius: 6px; padding: 5px 10px; }}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {accent}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus, QAbstractSpinBox:focus,
QAbstractItemView:focus {{ border: 2px solid {accent}; }}
QPushButton:default:focus, QToolButton:checked:focus {{ border-color: {text}; }}
QPushButton:default, QToolButton:checked {{ background: {accent}; color: {on_accent}; border-color: {accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {muted}; background: {window}; }}
QListView, QTreeView, QTableView, QPlainTextEdit, QTextEdit {{
  background: {panel}; color: {text}; border: 1px solid {edge}; border-radius: 6px; }}
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {{
  background: {accent}; color: {on_accent}; }}
QHeaderView, QHeaderView::section {{ background: {panel}; color: {muted}; border: none; padding: 3px 6px; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 6px 4px; margin-right: 22px;
  border: none; border-bottom: 2px solid transparent; font-size: 14px; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar:focus::tab:selected {{ color: {accent}; }}
QScrollBar {{ background: transparent; width: 10px; height: 10px; }}
QScrollBar::handle {{ background: {faint}; border-radius: 4px; min-height: 24px; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QDockWidget {{ color: {muted}; }}
QGroupBox {{ border: 1px solid {edge}; border-radius: 6px; margin-top: 10px; padding-top: 10px; }}
QSlider::groove:horizontal {{ height: 4px; background: {faint}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; margin: -5px 0; border-radius: 7px; background: {accent}; }}
QSlider::handle:horizontal:focus {{ width: 10px; border: 2px solid {text}; }}
"""
