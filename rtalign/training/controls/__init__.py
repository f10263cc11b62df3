"""What else a training could have found: each control, from what it takes out to what it leaves."""
