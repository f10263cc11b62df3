"""Widgets that the window and its dialogs share: painted cards, controls, fields, lamps, and their theme."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
