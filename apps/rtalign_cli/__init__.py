"""The command `rtalign`."""
