"""Samples to epochs, the same offline and live."""
