"""Samples to epochs, the same offline and live: the filter chain, buffers that are read by time, and the pipeline."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
