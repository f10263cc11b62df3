"""Status, messages, transport and trust around the panels."""
