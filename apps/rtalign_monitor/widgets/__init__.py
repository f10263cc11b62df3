"""Theme and small controls shared by the window."""
