"""The window's links to one engine, or to two engines whose banks are compared; no Qt."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
