"""Fields: file dialogs, path fields, labels and buttons."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QToolButton, QWidget

from rtalign.core.storage.files import expand_home
from rtalign.core.text.translation import tr
from rtalign_monitor.memory import WindowMemory


class FileDialogs:
    """The system's file dialogs; each returns None where the user cancels.

    Parameters
    ----------
    parent : QWidget
        The window that a dialog belongs to.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def file(self, title: str, at: Path | None, kinds: str) -> Path | None:
        """Choose a file; kinds: as Qt writes them, "PNG (*.png);;SVG (*.svg)"."""
        name, _ = QFileDialog.getOpenFileName(self._parent, title, str(at or ""), kinds)
        return Path(name) if name else None

    def folder(self, title: str, at: Path | None) -> Path | None:
        """Choose a folder."""
        name = QFileDialog.getExistingDirectory(self._parent, title, str(at or ""))
        return Path(name) if name else None

    def new_file(self, title: str, at: Path, kinds: str) -> Path | None:
        """Name a new file; a name without an ending gets that of the chosen kind."""
        name, kind = QFileDialog.getSaveFileName(self._parent, title, str(at), kinds)
        path = Path(name)
        return (path if path.suffix else path.with_suffix(suffix_of(kind))) if name else None


def suffix_of(kind: str) -> str:
    """.png of "PNG (*.png)"."""
    return "." + kind.rpartition("*.")[2].rstrip(")")


def open_path(path: Path) -> None:
    """Open a file or folder with the desktop's own program."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class PathField(QWidget):
    """A line for a path, with a button that opens a file dialog.

    Parameters
    ----------
    name : str
        What the path is of.
    memory : WindowMemory
        Remembers the folder of the last dialog.
    folder : bool
        Whether a folder is wanted, or a file.
    hint : str
        The text of the empty line.
    kinds : str
        Kinds of files, as Qt writes them.
    """

    changed = Signal()

    def __init__(self, name: str, memory: WindowMemory, folder: bool, hint: str = "", kinds: str = "") -> None:
        super().__init__()
        self._name, self._memory, self._folder, self._kinds = name, memory, folder, kinds
        self.edit = QLineEdit()
        self.edit.setAccessibleName(name)
        self.edit.setPlaceholderText(hint)
        add_clear_button(self.edit)
        self.edit.textChanged.connect(lambda _: self.changed.emit())
        self.button = secondary_button(tr("Browse…"), tr("Choose: {name}", name=name.lower()))
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
        return expand_home(text) if text else None

    def set_path(self, path: Path | None) -> None:
        self.edit.setText(str(path) if path else "")

    def browse(self) -> None:
        path = choose_path(self, self._name, self._memory, self._folder, self._kinds)
        if path:
            self.set_path(path)


def choose_path(parent: QWidget, name: str, memory: WindowMemory, folder: bool, kinds: str = "") -> Path | None:
    """Choose a path in the folder of the last dialog."""
    dialogs, at = FileDialogs(parent), memory.folder or Path.home()
    path = dialogs.folder(name, at) if folder else dialogs.file(name, at, kinds)
    if path is not None:
        memory.folder = path.parent
    return path


def secondary_button(label: str, tip: str = "") -> QPushButton:
    """A button that is pressed with Space or its letter; Enter is for the dialog's main button."""
    button = QPushButton(label)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    return button


def label_for(text: str, field: QWidget) -> QLabel:
    """A label whose letter moves the focus to its field."""
    label = QLabel(text)
    label.setBuddy(field)
    label.setProperty("role", "muted")
    return label


def heading(text: str, field: QWidget | None = None) -> QLabel:
    """A label in larger type over its field."""
    label = QLabel(text)
    label.setProperty("role", "heading")
    if field is not None:
        label.setBuddy(field)
    return label


def explanation() -> QLabel:
    """A label for a text that explains: wrapped, and selectable."""
    label = QLabel()
    label.setWordWrap(True)
    label.setProperty("role", "muted")
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label


def refresh_style(widget: QWidget) -> None:
    """Apply the stylesheet again after a property has changed, which Qt does not do by itself."""
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def add_clear_button(edit: QLineEdit) -> None:
    """Add Qt's button that empties a line, with a name for screen readers."""
    edit.setClearButtonEnabled(True)
    for button in edit.findChildren(QToolButton):
        button.setAccessibleName(tr("Clear"))
