"""The panels of the window's grid: each is one module with one class, listed in ``grid.PANELS``."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
