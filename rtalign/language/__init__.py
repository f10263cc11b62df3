"""Words to activations: language models of every family, read in growing contexts or sliding windows.

``load`` gives a ``LanguageModel``; its ``encode`` reads a story at once, its ``reader`` word by word with the same
results, and a ``BackgroundReader`` does so on a thread beside the signal.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
