"""Studies of the program's own statements: how often each is wrong, on recordings whose truth is known."""
