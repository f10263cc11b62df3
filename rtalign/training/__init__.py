"""Recordings and a language model to a bank, and a bank to its scores on fresh recordings."""
