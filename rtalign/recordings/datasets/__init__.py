"""Published data sets: one module with one class each, listed in `registry`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
