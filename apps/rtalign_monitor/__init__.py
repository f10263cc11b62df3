"""The window, and the only package that imports Qt."""

import lazy_loader

from rtalign_monitor.qt_binding import choose_binding

choose_binding()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
