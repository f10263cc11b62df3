"""The window's links to one or two engines."""
