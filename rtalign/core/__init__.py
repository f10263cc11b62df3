"""Records that travel, the settings that change a number, and safe files: what every other package builds on."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
