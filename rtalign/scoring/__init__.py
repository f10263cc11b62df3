"""Predictions to R(layer, lag), its null, and the peaks that may be called latencies."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
