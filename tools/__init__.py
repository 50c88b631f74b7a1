"""What the docs take from the code, so that they cannot fall behind it."""
