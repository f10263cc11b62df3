"""From a model's name to a network: where its files are, whether they fit in memory, and which models there are."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
