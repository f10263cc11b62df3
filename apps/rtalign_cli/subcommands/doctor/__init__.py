"""Checks of this machine: `rtalign doctor`."""
