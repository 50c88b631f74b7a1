"""Measuring: turns observations, config and a time into samples, without any I/O."""
