"""Every sensor as it comes: the panel, one module for each of its views, and what the views share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
