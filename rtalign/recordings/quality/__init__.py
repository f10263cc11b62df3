"""What a recording is worth: signal, sound delay, word-locked field, noise ceiling."""
