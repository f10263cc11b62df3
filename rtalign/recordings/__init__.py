"""Files on disk to recordings with their words: BIDS, published data sets, XDF, FIF, CTF, KIT, BTi."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
