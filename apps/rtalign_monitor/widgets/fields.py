"""Fields: the few kinds of line that the start dialog is made of."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from rtalign_monitor.memory import WindowMemory


class Asking:
    """Each answer is None where the user thinks better of it."""

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def file(self, title: str, at: Path | None, kinds: str) -> Path | None:
        found, _ = QFileDialog.getOpenFileName(self._parent, title, str(at or ""), kinds)
        return Path(found) if found else None

    def folder(self, title: str, at: Path | None) -> Path | None:
        found = QFileDialog.getExistingDirectory(self._parent, title, str(at or ""))
        return Path(found) if found else None

    def new_file(self, title: str, at: Path, kinds: str) -> Path | None:
        """A name without an ending gets that of the kind chosen."""
        found, kind = QFileDialog.getSaveFileName(self._parent, title, str(at), kinds)
        path = Path(found)
        return (path if path.suffix else path.with_suffix(ending(kind))) if found else None


def ending(kind: str) -> str:
    """.png of "PNG (*.png)"."""
    return "." + kind.rpartition("*.")[2].rstrip(")")


class PathField(QWidget):
    """A path that can be typed or looked for.  folder : a folder is wanted, else a file."""

    changed = pyqtSignal()

    def __init__(self, name: str, memory: WindowMemory, folder: bool, hint: str = "", kinds: str = "") -> None:
        super().__init__()
        self._name, self._memory, self._folder, self._kinds = name, memory, folder, kinds
        self.edit = QLineEdit()
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(hint)
        self.edit.setClearButtonEnabled(True)
        self.edit.textChanged.connect(lambda _: self.changed.emit())
        self.button = quiet_button("Browse…", f"Look for: {name.lower()}")
        self.button.clicked.connect(lambda _=False: self.browse())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.edit, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.edit)

    @property
    def path(self) -> Path | None:
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def put(self, path: Path | None) -> None:
        self.edit.setText(str(path) if path else "")

    def browse(self) -> None:
        found = ask_for(self, self._name, self._memory, self._folder, self._kinds)
        if found:
            self.put(found)


def ask_for(parent: QWidget, name: str, memory: WindowMemory, folder: bool, kinds: str = "") -> Path | None:
    """The system's own dialog, where it was left last time."""
    asking, at = Asking(parent), memory.folder or Path.home()
    found = asking.folder(name, at) if folder else asking.file(name, at, kinds)
    if found is not None:
        memory.folder = found.parent
    return found


def quiet_button(label: str, tip: str = "") -> QPushButton:
    """Enter is for starting: such a button is pressed with Space, or with its letter."""
    button = QPushButton(label)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    return button


def label_for(text: str, field: QWidget) -> QLabel:
    """A label whose letter leads to its field."""
    label = QLabel(text)
    label.setBuddy(field)
    label.setProperty("role", "muted")
    return label


def heading(text: str, field: QWidget | None = None) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "heading")
    if field is not None:
        label.setBuddy(field)
    return label


def note() -> QLabel:
    """Words that explain, wrapped, to be copied."""
    label = QLabel()
    label.setWordWrap(True)
    label.setProperty("role", "muted")
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label


def restyle(widget: QWidget) -> None:
    """Colours go by properties, which Qt does not look at again by itself."""
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)
