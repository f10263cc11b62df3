"""Pictures, tables and reports out of the window."""
