"""Commands: what a person types, and what is printed."""
