"""The start dialog's own part of the stylesheet."""

from __future__ import annotations

from apps.theme import FAMILIES, Theme


def sheet(theme: Theme) -> str:
    """After the theme's, whose colours it uses."""
    families = ", ".join(f'"{family}"' for family in FAMILIES)
    return _SHEET.format(families=families, **{name: getattr(theme, name) for name in theme.__slots__})


_SHEET = """
QWidget {{ font-family: {families}; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="bad"] {{ color: {lost}; }}
QLabel[role="heading"] {{ font-size: 14px; font-weight: 600; }}
QFrame[role="plate"] {{ background: {panel}; border: 1px solid {edge}; border-radius: 6px; }}
QListView {{ padding: 4px; outline: none; }}
QListView:focus {{ border: 1px solid {accent}; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 6px 4px; margin-right: 22px;
  border: none; border-bottom: 2px solid transparent; font-size: 14px; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar:focus::tab:selected {{ color: {accent}; }}
QPushButton#begin {{ padding: 7px 10px; min-width: 96px; font-weight: 600; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QPushButton:default:disabled {{ background: {window}; color: {muted}; border-color: {faint}; }}
QComboBox QAbstractItemView {{ background: {panel}; color: {text}; border: 1px solid {faint};
  selection-background-color: {accent}; selection-color: {on_accent}; outline: none; }}
QComboBox:disabled, QLineEdit:disabled, QDoubleSpinBox:disabled, QCheckBox:disabled {{ color: {muted}; }}
"""
