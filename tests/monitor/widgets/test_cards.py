"""Cards stay where they are while others come and go."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from rtalign_monitor.widgets.cards import Card, CardList


def cards(n: int) -> list[Card]:
    return [Card(i, f"stream {i}", "flowing", "flowing", "4 channels") for i in range(n)]


@pytest.fixture
def shown(qtbot: QtBot) -> CardList:
    """Six cards, of which about two are seen, scrolled a little."""
    made = CardList("streams", fixed=True)
    qtbot.addWidget(made)
    made.resize(400, 240)
    made.show_cards(cards(6))
    made.show()
    bar = made.verticalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    bar.setValue(30)
    return made


def place(shown: CardList) -> int:
    bar = shown.verticalScrollBar()
    assert bar is not None
    return bar.value()


def test_a_card_that_comes_moves_no_other(qtbot: QtBot, shown: CardList) -> None:
    shown.select(5)
    assert (place(shown), shown.key) == (30, 5)
    shown.show_cards(cards(7))
    qtbot.wait(20)
    assert (place(shown), shown.key) == (30, 5)


def test_a_key_scrolls_to_the_card_that_it_selects(qtbot: QtBot, shown: CardList) -> None:
    shown.select(0)
    shown.show_cards(cards(7))
    qtbot.keyClick(shown, Qt.Key.Key_End)
    assert shown.key == 6
    assert place(shown) > 100
