"""MEG and words over Lab Streaming Layer, supervised by time."""
