"""Measuring: what was observed becomes samples. Pure: observations, config and a clock in."""
