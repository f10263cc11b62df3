"""Epochs and targets to decoders: moments, ridge, and the bank that keeps them."""
