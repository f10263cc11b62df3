"""File formats of MEG recordings: what MNE reads, and HDF5."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
