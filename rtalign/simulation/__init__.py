"""A simulated listener: MEG of a person who listens to a story, with layers of a language model at known latencies.

``simulate`` writes a BIDS folder with its ground truth; ``synthesise`` gives the same recordings without a disk.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
