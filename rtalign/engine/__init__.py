"""One live session: sources in, scores out, everything recorded, in a process of its own."""
