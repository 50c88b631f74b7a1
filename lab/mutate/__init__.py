"""Policies changed in one place each, and whether a scenario catches the change."""
