"""The command line: train, evaluate, report and what belongs to them."""
