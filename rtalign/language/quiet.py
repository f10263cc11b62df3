"""transformers without its own bars and remarks; the program has its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial


@contextmanager
def quiet() -> Iterator[None]:
    """Silence for as long as a model is loaded; what was set before is set again."""
    from transformers import modeling_gguf_pytorch_utils as reading
    from transformers.utils import logging

    verbosity, bars, bar = logging.get_verbosity(), logging.is_progress_bar_enabled(), reading.tqdm
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    reading.tqdm = partial(bar, disable=True)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        reading.tqdm = bar
        if bars:
            logging.enable_progress_bar()
