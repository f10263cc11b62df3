"""The story's sound, in step with the replay."""
