"""File formats of MEG recordings."""
