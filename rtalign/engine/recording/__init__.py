"""What a live session writes to disk."""
