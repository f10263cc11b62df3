"""The fit of one lag: its targets, its words, decoders and scores, and scores of some of the words."""
