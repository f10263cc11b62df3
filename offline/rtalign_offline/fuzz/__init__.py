"""Random bytes for every reader of foreign bytes: what is no input ends in one line, soon, and without memory."""
