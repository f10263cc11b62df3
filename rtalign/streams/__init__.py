"""Where signal and words come from: recordings, simulations, LSL."""
