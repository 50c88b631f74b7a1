"""Google's clients, and what their calls and errors need."""
