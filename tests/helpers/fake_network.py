"""The start dialog off screen, over a scripted network."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from rtalign.core.records import Sensor
from rtalign.streams import lsl
from rtalign.streams.live.connection import LslBackend
from rtalign_monitor.memory import WindowMemory
from rtalign_monitor.start.dialog import StartDialog
from rtalign_monitor.widgets.cards import CardList
from rtalign_monitor.widgets.theme import Theme
from tests.helpers import bank_folders

PATIENCE_MS = 120_000


def unique_name(purpose: str) -> str:
    """A name that no other test run on this machine uses."""
    return f"start-{purpose}-{os.getpid()}"


@dataclass
class FakeNetwork:
    """A scripted network; every signal that is opened flows, unless it is refused."""

    streams: list[lsl.StreamInfo] = field(default_factory=list)
    sensors: tuple[Sensor, ...] = bank_folders.helmet(4)
    others: tuple[str, ...] = ()
    refusal: str = ""
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def offer_signal(
        self, name: str, type: str = "MEG", sfreq: float = 500.0, form: str = "float32", n: int = 4
    ) -> None:
        self.streams.append(lsl.StreamInfo(name, type, name, f"{name}-{len(self.streams)}", "lab", n, sfreq, form))

    def offer_words(self, name: str, form: str = "string") -> None:
        self.offer_signal(name, "Markers", 0.0, form, 1)

    def backend(self) -> LslBackend:
        pool = ThreadPoolExecutor(1, thread_name_prefix="lsl")
        return LslBackend(
            streams=lambda: list(self.streams),
            open_signal=self._open,
            open_undescribed=self._open,
            open_text=self._open,
            clock=time.monotonic,
            sleep=time.sleep,
            run=pool.submit,
            host="lab",
            close=lambda: pool.shutdown(wait=False),
        )

    def _open(self, info: lsl.StreamInfo) -> Any:
        self.opened.append(info.name)
        names = (*(sensor.name for sensor in self.sensors), *self.others)
        if self.refusal:
            raise ValueError(self.refusal)
        return SimpleNamespace(
            info=info, channels=SimpleNamespace(sensors=self.sensors, names=names),
            close=lambda: self.closed.append(info.name),
            pull=lambda: (np.zeros((50, 4)), np.zeros(50)), offset=lambda timeout_s=2.0: (0.0, 1e-4),
        )  # fmt: skip


def show_dialog(qtbot: QtBot, memory: WindowMemory | None = None, theme: str = "dark") -> StartDialog:
    dialog = StartDialog(memory or WindowMemory(), Theme.of(theme))
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    return dialog


def wait_until_ready(qtbot: QtBot, dialog: StartDialog) -> None:
    qtbot.waitUntil(dialog.start.isEnabled, timeout=PATIENCE_MS)


def wait_for_status(qtbot: QtBot, dialog: StartDialog, pattern: str) -> None:
    def check() -> None:
        assert re.search(pattern, dialog.status.text()), dialog.status.text()

    qtbot.waitUntil(check, timeout=PATIENCE_MS)


def card_of(cards: CardList, title: str) -> Any:
    return next((card for card in cards.cards if card.title == title), None)


def click_card(qtbot: QtBot, cards: CardList, title: str) -> None:
    row = next(i for i, card in enumerate(cards.cards) if card.title == title)
    item = cards.item(row)
    assert item is not None
    qtbot.mouseClick(cards.viewport(), Qt.MouseButton.LeftButton, pos=cards.visualItemRect(item).center())


def press(qtbot: QtBot, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    """Press a key wherever the focus is."""
    held = modifiers[0] if modifiers else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(QApplication.focusWidget(), key, held)
