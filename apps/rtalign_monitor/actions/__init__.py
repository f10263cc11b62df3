"""What keys, menus and buttons do."""
