"""What runs for minutes to days from a terminal: estimates, audits of onsets, small language models, sweeps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
