"""One run: all locations, read and written in time."""
