"""What `import rtalign` offers: words, activations, alignments and banks, for scripts and notebooks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
