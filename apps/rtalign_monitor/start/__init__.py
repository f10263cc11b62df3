"""The start dialog: streams, recordings, sessions and a bank."""
