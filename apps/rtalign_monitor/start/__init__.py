"""The start dialog: live streams, a recording or a recent session, with a bank."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
