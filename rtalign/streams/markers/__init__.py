"""Word markers of every encoding to words."""
