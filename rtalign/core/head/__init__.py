"""The head and the helmet: places of coils, the shape of a head, and where it is."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
