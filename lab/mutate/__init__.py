"""Changes policies in one place each, and finds a scenario that catches the change."""
