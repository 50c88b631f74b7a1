"""Proves a deployment on the user's own project."""
