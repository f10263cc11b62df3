"""BankBox: which decoders a session begins with, those of a bank or none, and the language model beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel

from rtalign.core.session import Session
from rtalign.language.loading import SMOLLM2, list_models
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start import bank_fit
from rtalign_monitor.start.disk_queries import Errands
from rtalign_monitor.widgets.controls import Choice, Tick
from rtalign_monitor.widgets.fields import ask_for, label_for, note, quiet_button, restyle

NOTHING = "Without a bank: learn from nothing"


class BankBox(QFrame):
    """`card` is what is known of the bank, None while it is read, where it is refused and where there is none."""

    changed = pyqtSignal()

    def __init__(self, memory: WindowMemory, errands: Errands) -> None:
        super().__init__()
        self.setProperty("role", "plate")
        self._memory, self._errands = memory, errands
        self.card: bank_fit.Card | None = None
        self.refused = ""
        self._here: frozenset[str] | None = None
        self.bank, self.model = Choice("Bank"), Choice("Language model", editable=True)
        self.bank.setPlaceholderText("Choose a bank")
        self.browse = quiet_button("Browse…", "A folder that was written by rtalign train")
        self.adapt = Tick("Adapt to toda&y's participant", "Learn from each word after it has been scored.")
        self.without = Tick("&Go on without the missing sensors", "They stand at their training means.")
        self.passport: QLabel = note()
        self._build()
        for path in memory.banks:
            self._offer(path)
        self.bank.insertSeparator(self.bank.count())
        self.bank.addItem(NOTHING, "nothing")
        self.bank.setCurrentIndex(0 if memory.banks else -1)
        self._connect()

    @property
    def folder(self) -> Path | None:
        data = self.bank.currentData()
        return data if isinstance(data, Path) else None

    @property
    def learns(self) -> bool:
        return self.bank.currentData() == "nothing"

    def settings(self) -> dict[str, Any]:
        model = self.model.currentText().strip() or None
        return {"bank": self.folder, "model": model, "adapt": self.learns or self.adapt.isChecked(),
                "allow_missing": self.without.isChecked() and not self.without.isHidden()}  # fmt: skip

    def fill(self, session: Session) -> None:
        if session.bank is not None:
            self.choose(session.bank)
        elif session.adapt:
            self.bank.setCurrentIndex(self.bank.findData("nothing"))
        self.model.setEditText(session.model or "")
        self.adapt.setChecked(session.adapt)
        self.without.setChecked(session.allow_missing)

    def choose(self, folder: Path) -> None:
        if self._index(folder) < 0:
            self._offer(folder, 0)
        self.bank.setCurrentIndex(self._index(folder))

    def look(self) -> None:
        """Take up what the disk has answered meanwhile."""
        folder, self.card, self.refused = self.folder, None, ""
        if folder is not None:
            answer = self._errands.answer(("bank", folder), lambda: bank_fit.read(folder))
            if isinstance(answer, bank_fit.Card):
                self.card, self.refused = answer, answer.refused
            elif answer is not None:
                self.refused = str(answer)
        entries = self._errands.answer("models", list_models)
        if isinstance(entries, list) and self._here is None:
            self._here = frozenset(entry.id for entry in entries if entry.folder and entry.readable)
            typed = self.model.currentText()
            self.model.addItems([entry.id for entry in entries if entry.id in self._here])
            self.model.setEditText(typed)
        self._tell()

    def why_not(self) -> str:
        if self.bank.currentIndex() < 0:
            return "Choose a bank, or “" + NOTHING + "”."
        if self.refused:
            return self.refused
        if self.folder is not None and self.card is None:
            return "The bank is being read."
        named = self.model.currentText().strip()
        if self.card and self._here is not None and not named and self.card.model not in self._here:
            return f"The bank's language model {self.card.model} is not on this machine: name its folder as Model."
        return ""

    def offer_without(self, possible: bool) -> None:
        """Show the way around missing sensors where there are any to do without."""
        self.without.setVisible(possible)

    def _tell(self) -> None:
        said = "The bank is being read." if self.folder else "A bank holds decoders that rtalign train has fitted."
        if self.refused:
            said = self.refused
        elif self.card:
            said = bank_fit.passport(self.card)
        elif self.learns:
            said = "Decoders begin at zero and learn from each word after it has been scored; expect several minutes."
        if said != self.passport.text():
            self.passport.setText(said)
            self.passport.setProperty("role", "bad" if self.refused else "muted")
            restyle(self.passport)
        line = self.model.lineEdit()
        if line is not None:
            own = f"the bank's own: {self.card.model}" if self.card else SMOLLM2 if self.learns else "the bank's own"
            line.setPlaceholderText(own)
        self.adapt.setEnabled(not self.learns)

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.addWidget(label_for("&Bank", self.bank), 0, 0)
        grid.addWidget(self.bank, 0, 1)
        grid.addWidget(self.browse, 0, 2)
        grid.addWidget(label_for("Mode&l", self.model), 0, 3)
        grid.addWidget(self.model, 0, 4)
        row = QHBoxLayout()
        row.setSpacing(20)
        row.addWidget(self.passport, 1)
        row.addWidget(self.adapt)
        grid.addLayout(row, 1, 1, 1, 4)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(4, 2)
        grid.setColumnMinimumWidth(0, 48)
        self.without.hide()

    def _connect(self) -> None:
        self.bank.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.model.editTextChanged.connect(lambda _: self.changed.emit())
        self.without.toggled.connect(lambda _: self.changed.emit())
        self.browse.clicked.connect(lambda _=False: self._browse())

    def _browse(self) -> None:
        found = ask_for(self, "Bank", self._memory, folder=True)
        if found:
            self._errands.forget(("bank", found))
            self.choose(found)
            self.changed.emit()

    def _offer(self, folder: Path, at: int | None = None) -> None:
        at = self.bank.count() if at is None else at
        self.bank.insertItem(at, called(folder), folder)
        self.bank.setItemData(at, str(folder), Qt.ItemDataRole.ToolTipRole)

    def _index(self, folder: Path) -> int:
        return next((i for i in range(self.bank.count()) if self.bank.itemData(i) == folder), -1)


def called(folder: Path) -> str:
    """The last two parts of a path: many banks are called bank."""
    return "/".join(folder.parts[-2:]) if len(folder.parts) > 2 else str(folder)
